import { DownloadError } from "../errors.ts";
import type { FileInfo, FileSystem, RuntimeFile } from "../runtime/runtime.ts";
import type { Output } from "./output.ts";
import { statPath } from "./paths.ts";
import { errorCode } from "../lib/error_code.ts";
import { storageError } from "./storage_error.ts";

/**
 * Failures of link() that do not mean that the file system lacks hard links. Many codes mean that: EPERM, ENOTSUP,
 * ENOSYS, EMLINK, EINVAL, and EACCES (Android), EXDEV (mergerfs), EPROTO, ENOTTY.
 */
const FINAL_LINK_ERRORS = new Set([
  ...["EIO", "ENOSPC", "EDQUOT", "EROFS", "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"],
]);

/** Gives a file its final name. Replaces another file only with `overwrite`. */
export async function giveName(
  files: FileSystem,
  from: string,
  path: string,
  overwrite: boolean,
): Promise<void> {
  try {
    if (overwrite) await files.rename(from, path);
    else await linkOrRename(files, from, path);
  } catch (cause) {
    // Windows keeps the name of a removed file until the file is closed, which has just happened.
    if (errorCode(cause) === "ENOENT") throw changed(from, path, cause);
    throw storageError("finish", path, cause);
  }
}

/** The error for a final name that is taken. */
export function nameTaken(path: string, kind: FileInfo["kind"]): DownloadError {
  const message = `Cannot write "${path}": it exists already`;
  if (kind === "directory") return new DownloadError("output_exists", `${message}; choose another output`);
  return new DownloadError("output_exists", message, {
    remedy: {
      before: "choose another output, or ",
      options: ["overwrite", "rename"],
      how: "turn overwrite or rename on",
    },
  });
}

/** Throws where another program replaced or truncated the file at `at` while it was written. */
export async function requireIntact(
  { path, place: { runtime } }: Output,
  file: RuntimeFile,
  at: string,
  size: number,
): Promise<void> {
  const opened = await file.stat().catch((cause) => {
    throw storageError("inspect", at, cause);
  });
  const named = await statPath(runtime, at);
  if (named?.identity === opened.identity && named?.kind === "file" && opened.size === size) return;
  throw changed(at, path);
}

function changed(at: string, path: string, cause?: unknown): DownloadError {
  const message = `Cannot finish "${path}": "${at}" was changed by another program; try again`;
  return new DownloadError("storage", message, { cause });
}

/** Uses link() where possible, because it fails for a name that is taken. rename() would replace that file. */
async function linkOrRename(files: FileSystem, from: string, path: string): Promise<void> {
  try {
    await files.link(from, path);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "EEXIST") throw nameTaken(path, "file");
    if (code === undefined || FINAL_LINK_ERRORS.has(code)) throw cause;
    if (await files.lstat(path) !== undefined) throw nameTaken(path, "file");
    await files.rename(from, path);
  }
}
