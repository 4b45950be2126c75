import { DownloadError } from "../errors.ts";
import type { FileInfo, FileSystem, OpenMode, RuntimeFile } from "../runtime/runtime.ts";

/** A file that was opened, and what it is. */
export interface OpenedFile {
  readonly file: RuntimeFile;
  readonly info: FileInfo;
}

/** A file is not ours. The message is the reason. */
export class ForeignFileError extends Error {
  /** The name of the class. */
  override readonly name = "ForeignFileError";
}

/** Whether it belongs to somebody else than `owner`. */
export function isOfAnother(info: FileInfo, owner: number | undefined): boolean {
  return info.owner !== undefined && owner !== undefined && info.owner !== owner;
}

/** How often a file is opened that is exchanged meanwhile, as a control file is when it is saved. */
const LOOKS = 3;

/**
 * Opens a file that is of `owner` alone; `undefined` when there is none. It is looked at before it is opened, as opening
 * a device does something, and again when it is open, as it may have been exchanged in between.
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

/** Refuses what another user could have put there, or could change. */
function requireOwn(info: FileInfo, owner: number | undefined): void {
  const { kind, links = 1 } = info;
  if (kind === "symlink") throw new ForeignFileError("it is a symbolic link");
  if (kind === "directory") throw new ForeignFileError("it is a directory");
  if (kind !== "file") throw new ForeignFileError("it is no regular file");
  if (isOfAnother(info, owner)) throw new ForeignFileError("it belongs to another user");
  if (links > 1) throw new ForeignFileError("it has another name as well");
}

/** Removes what has this name, unless it belongs to another user. */
export async function removeOwn(files: FileSystem, path: string, owner: number | undefined): Promise<void> {
  const found = await files.lstat(path);
  if (found !== undefined && !isOfAnother(found, owner)) await files.remove(path);
}

/** The error for a file of others under a name of ours. */
export function inTheWay(path: string, reason: string): DownloadError {
  return new DownloadError("storage", `Cannot use "${path}": ${reason}`, {
    remedy: {
      before: "remove it, choose another output or ",
      options: ["overwrite"],
      how: "ask to overwrite",
    },
  });
}

/** Renaming replaces what has the new name, so that must be a file, and no other user's. */
export async function requireReplaceable(
  files: FileSystem,
  path: string,
  owner: number | undefined,
): Promise<void> {
  const found = await files.lstat(path);
  if (found === undefined || (found.kind === "file" && !isOfAnother(found, owner))) return;
  const reason = found.kind === "file" ? "belongs to another user" : "is no regular file";
  throw new DownloadError("storage", `Cannot replace "${path}": it ${reason}; remove it`);
}
