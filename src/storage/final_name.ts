import { DownloadError } from "../errors.ts";
import type { FileInfo, FileSystem, RuntimeFile } from "../runtime/runtime.ts";
import type { Output } from "./output.ts";
import { lookAt } from "./paths.ts";
import { errorCode } from "../lib/error_code.ts";
import { storageError } from "./storage_error.ts";

/**
 * What link() fails with for other reasons than that a file system has no hard links, for which they have many words:
 * EPERM, ENOTSUP, ENOSYS, EMLINK, EINVAL, and EACCES (Android), EXDEV (mergerfs), EPROTO, ENOTTY.
 */
const NOT_FOR_LACK_OF_LINKS = new Set([
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
    // Windows keeps the name of a removed file until the file is closed, which it was just now.
    if (errorCode(cause) === "ENOENT") throw changed(from, path, cause);
    throw storageError("finish", path, cause);
  }
}

/** Why a name is not given. */
export function nameTaken(path: string, kind: FileInfo["kind"]): DownloadError {
  const message = `Cannot write "${path}": it exists already`;
  if (kind === "directory") return new DownloadError("output_exists", `${message}; choose another output`);
  return new DownloadError("output_exists", message, {
    remedy: { before: "choose another output or ", options: ["overwrite"], how: "ask to overwrite" },
  });
}

/** Refuses a file that was exchanged or cut by somebody else while it was written, as `at`. */
export async function requireIntact(
  { path, place: { runtime } }: Output,
  file: RuntimeFile,
  at: string,
  size: number,
): Promise<void> {
  const opened = await file.stat().catch((cause) => {
    throw storageError("look at", at, cause);
  });
  const named = await lookAt(runtime, at);
  if (named?.identity === opened.identity && named?.kind === "file" && opened.size === size) return;
  throw changed(at, path);
}

function changed(at: string, path: string, cause?: unknown): DownloadError {
  const message = `Cannot finish "${path}": "${at}" was changed by another program; run it again`;
  return new DownloadError("storage", message, { cause });
}

/** link() refuses a name that is taken, which rename() does not. */
async function linkOrRename(files: FileSystem, from: string, path: string): Promise<void> {
  try {
    await files.link(from, path);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "EEXIST") throw nameTaken(path, "file");
    if (code === undefined || NOT_FOR_LACK_OF_LINKS.has(code)) throw cause;
    if (await files.lstat(path) !== undefined) throw nameTaken(path, "file");
    await files.rename(from, path);
  }
}
