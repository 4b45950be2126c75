import { crc32 } from "node:zlib";
import type { CheckedRange } from "../lib/crc32.ts";
import type { RuntimeFile } from "../runtime/runtime.ts";

/** Whether the bytes of `file` in a range have its CRC-32. They are read into `buffer`. */
export async function holdsRange(
  file: Pick<RuntimeFile, "read">,
  { start, end, crc }: CheckedRange,
  buffer: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  let found = 0;
  for (let position = start; position < end;) {
    signal.throwIfAborted();
    const length = await file.read(buffer.subarray(0, Math.min(buffer.length, end - position)), position);
    if (length === 0) return false; // the file ends here
    found = crc32(buffer.subarray(0, length), found);
    position += length;
  }
  return found === crc;
}
