// Not by name: a release without `statfs` must be able to load this module, so that it can be refused.
import * as fs from "node:fs/promises";

/**
 * Bytes that this process may still write below `path`. `undefined` when the file system does not report
 * them, or reports no blocks at all.
 */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { blocks, bavail, bsize } = await fs.statfs(path);
    return blocks > 0 ? bavail * bsize : undefined;
  } catch {
    return undefined;
  }
}
