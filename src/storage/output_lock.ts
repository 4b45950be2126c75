import { DownloadError } from "../errors.ts";
import { errorCode } from "../lib/error_code.ts";
import type { OutputNames } from "../lib/output_names.ts";
import type { FileLock, FileSystem } from "../runtime/runtime.ts";
import { makeDirectories, refuseDeadLink, refuseSpecial } from "./paths.ts";
import { storageError } from "./storage_error.ts";

/**
 * Locks an output and creates its directory if it is missing. Throws for an output that another download has locked.
 */
export async function lockOutput(files: FileSystem, names: OutputNames): Promise<FileLock> {
  const lock = await takeLock(files, names);
  if (lock !== undefined) return lock;
  throw new DownloadError(
    "output_locked",
    `Cannot write "${names.path}": another download is writing it; wait for that one or choose another output`,
  );
}

async function takeLock(files: FileSystem, names: OutputNames): Promise<FileLock | undefined> {
  const { path, directory, lock } = names;
  try {
    await refuseSpecial(files, path);
    return await files.lock(lock).catch(async (cause) => {
      if (errorCode(cause) !== "ENOENT") throw cause;
      await refuseDeadLink(files, directory);
      await makeDirectories(files, directory);
      return await files.lock(lock);
    });
  } catch (cause) {
    if (errorCode(cause) === "ELOOP") await refuseDeadLink(files, directory);
    const isRefused = errorCode(cause) === "EACCES" || errorCode(cause) === "EPERM";
    const isThere = isRefused && await files.lstat(lock).catch(() => undefined) !== undefined;
    if (!isThere) throw storageError("write beside", path, cause);
    throw new DownloadError(
      "storage",
      `Cannot write "${path}": "${lock}" may not be replaced, as another user may be writing it; wait, remove that file or choose another output`,
      { cause },
    );
  }
}
