import { Buffer } from "node:buffer";
import { contentBytes } from "../../../testing/content.ts";

/** No multiple of a block, a piece or a segment, so that bytes in a wrong place are wrong bytes. */
const PERIOD = 1_048_583;
const SEED = 61;
const period = contentBytes(SEED, 0, PERIOD);
const twice = new Uint8Array(2 * PERIOD);
twice.set(period);
twice.set(period, PERIOD);

/** The most bytes that `patternAt` gives at once. */
export const MAX_PATTERN_BYTES: number = PERIOD;

/** Content for files of many gigabytes, which costs nothing to make: a view of memory that is always the same. */
export function patternAt(offset: number, length: number): Uint8Array {
  const start = offset % PERIOD;
  return twice.subarray(start, start + length);
}

/** Whether `bytes` are those that belong at `offset`. */
export function isPattern(bytes: Uint8Array, offset: number): boolean {
  for (let done = 0; done < bytes.length; done += PERIOD) {
    const part = bytes.subarray(done, done + PERIOD);
    if (Buffer.compare(part, patternAt(offset + done, part.length)) !== 0) return false;
  }
  return true;
}
