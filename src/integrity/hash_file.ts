import type { RuntimeFile } from "../runtime/runtime.ts";
import { PrefixHasher } from "./prefix_hasher.ts";

/** How much is read at a time. */
const BLOCK_BYTES = 512 * 1024;

/** The digest of the first `size` bytes of `file`, in hexadecimal. Rejects where the file ends before. */
export async function hashFile(
  file: Pick<RuntimeFile, "read">,
  size: number,
  algorithm: string,
): Promise<string> {
  const buffers = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)] as const;
  // Either thread yields the same digest, so nobody needs to know which one did the work.
  const hasher = new PrefixHasher({ algorithm, file, buffers, onFallback: () => {} });
  try {
    return await hasher.finish(size);
  } finally {
    await hasher.close();
  }
}
