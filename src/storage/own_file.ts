import { DownloadError } from "../errors.ts";
import type { FileInfo, FileSystem, OpenMode, RuntimeFile } from "../runtime/runtime.ts";

/** An open file and its attributes. */
export interface OpenedFile {
  readonly file: RuntimeFile;
  readonly info: FileInfo;
}

/** A file does not belong to us. The message is the reason. */
export class ForeignFileError extends Error {
  /** The name of the class. */
  override readonly name = "ForeignFileError";
}

/** Whether a file belongs to another user than `owner`. */
export function isOfAnother(info: FileInfo, owner: number | undefined): boolean {
  return info.owner !== undefined && owner !== undefined && info.owner !== owner;
}

/** How often opening is tried when the file is replaced meanwhile, as a control file is when it is saved. */
const LOOKS = 3;

/**
 * Opens a file that only `owner` can change; `undefined` when there is none. Its attributes are checked before it is
 * opened, because opening a device has effects. They are checked again when it is open, because it may have been
 * replaced in between.
 */
export async function openOwn(
  files: FileSystem,
  path: string,
  mode: Exclude<OpenMode, "read">,
  owner: number | undefined,
): Promise<OpenedFile | undefined> {
  for (let look = 0; look < LOOKS; look++) {
    const named = await files.lstat(path);
    if (named === undefined) return undefined;
    requireOwn(named, owner);
    const file = await files.open(path, mode);
    let isKept = false;
    try {
      const info = await file.stat();
      requireOwn(info, owner);
      isKept = info.identity === named.identity;
      if (isKept) return { file, info };
    } finally {
      if (!isKept) await file.close();
    }
  }
  return undefined;
}

/** Throws for a file that another user could have created or could change. */
function requireOwn(info: FileInfo, owner: number | undefined): void {
  const { kind, links = 1 } = info;
  if (kind === "symlink") throw new ForeignFileError("it is a symbolic link");
  if (kind === "directory") throw new ForeignFileError("it is a directory");
  if (kind !== "file") throw new ForeignFileError("it is not a regular file");
  if (isOfAnother(info, owner)) throw new ForeignFileError("it belongs to another user");
  if (links > 1) throw new ForeignFileError("it has another hard link");
}

/** Removes a file, unless it belongs to another user. */
export async function removeOwn(files: FileSystem, path: string, owner: number | undefined): Promise<void> {
  const found = await files.lstat(path);
  if (found !== undefined && !isOfAnother(found, owner)) await files.remove(path);
}

/** The error for a foreign file that has one of our names. */
export function inTheWay(path: string, reason: string): DownloadError {
  return new DownloadError("storage", `Cannot use "${path}": ${reason}`, {
    remedy: {
      before: "remove it, choose another output or ",
      options: ["overwrite"],
      how: "turn overwrite on",
    },
  });
}

/** Throws where renaming to `path` would replace something other than a file of ours. */
export async function requireReplaceable(
  files: FileSystem,
  path: string,
  owner: number | undefined,
): Promise<void> {
  const found = await files.lstat(path);
  if (found === undefined || (found.kind === "file" && !isOfAnother(found, owner))) return;
  const reason = found.kind === "file" ? "belongs to another user" : "is not a regular file";
  throw new DownloadError("storage", `Cannot replace "${path}": it ${reason}; remove it`);
}
