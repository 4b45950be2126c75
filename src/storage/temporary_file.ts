import { DownloadError } from "../errors.ts";
import { errorCode } from "../lib/error_code.ts";
import type { FileSystem, RuntimeFile } from "../runtime/runtime.ts";
import { isOfAnother } from "./own_file.ts";

/**
 * Creates the temporary file at `path`. The output is locked, so an existing one was left by a process that died,
 * and is replaced. Throws for a file of another user.
 */
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
