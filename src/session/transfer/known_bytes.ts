import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../lib/crc32.ts";

/** Compares bytes that come once more, in ascending order, with what is there already. */
export class KnownBytes {
  readonly #ranges: Iterator<CheckedRange, void, undefined>;
  #range: CheckedRange | undefined;
  /** Up to where the range was compared, and the CRC-32 of that. */
  #position = 0;
  #crc = 0;

  /** Takes ranges that are there, ascending. */
  constructor(ranges: Iterator<CheckedRange, void, undefined>) {
    this.#ranges = ranges;
    this.#takeNext();
  }

  /** Whether no range that ends among the bytes at `position` is there otherwise. */
  agreeWith(bytes: Uint8Array<ArrayBuffer>, position: number): boolean {
    const endOfBytes = position + bytes.length;
    for (; this.#range !== undefined && this.#range.start < endOfBytes; this.#takeNext()) {
      const { start, end, crc } = this.#range;
      const from = Math.max(start, position);
      const to = Math.min(end, endOfBytes);
      // Of a range whose beginning did not come nothing can be told.
      if (from < to && from === this.#position) {
        this.#crc = crc32(bytes.subarray(from - position, to - position), this.#crc);
        this.#position = to;
      }
      if (end > endOfBytes) return true;
      if (this.#position === end && this.#crc !== crc) return false;
    }
    return true;
  }

  #takeNext(): void {
    this.#range = this.#ranges.next().value ?? undefined;
    this.#position = this.#range?.start ?? 0;
    this.#crc = 0;
  }
}
