import type { RuntimeFile } from "../runtime/runtime.ts";
import { PrefixHasher } from "./prefix_hasher.ts";

/** Bytes of one read. */
const BLOCK_BYTES = 512 * 1024;

/** The digest of the first `size` bytes of `file`, in hexadecimal. Rejects when the file is shorter. */
export async function hashFile(
  file: Pick<RuntimeFile, "read">,
  size: number,
  algorithm: string,
): Promise<string> {
  const buffers = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)] as const;
  // Both threads make the same digest, so the change of thread is not reported.
  const hasher = new PrefixHasher({ algorithm, file, buffers, onFallback: () => {} });
  try {
    return await hasher.finish(size);
  } finally {
    await hasher.close();
  }
}
