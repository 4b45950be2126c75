import { nodeFs } from "./node_fs.ts";

/**
 * Bytes that this process may still write below `path`. `undefined` when the file system does not report
 * them, or reports no blocks at all.
 */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { blocks, bavail, bsize } = await nodeFs().promises.statfs(path);
    return blocks > 0 ? bavail * bsize : undefined;
  } catch {
    return undefined;
  }
}
