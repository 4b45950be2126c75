import { DownloadError } from "../errors.ts";
import { errorCode } from "../lib/error_code.ts";
import type { FileSystem, RuntimeFile } from "../runtime/runtime.ts";
import { isOfAnother } from "./own_file.ts";

/** Makes the temporary file at `path`. Replaces one that a process left which died: we hold the lock. Refuses another user's. */
export async function createTemporary(
  files: FileSystem,
  path: string,
  owner: number | undefined,
): Promise<RuntimeFile> {
  try {
    return await files.create(path);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    const found = await files.lstat(path);
    if (found !== undefined && isOfAnother(found, owner)) {
      throw new DownloadError(
        "storage",
        `Cannot use "${path}": it belongs to another user; remove it or choose another output`,
      );
    }
    await files.remove(path);
    return await files.create(path);
  }
}
