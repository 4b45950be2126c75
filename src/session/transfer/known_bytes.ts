import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../lib/crc32.ts";

/** Compares bytes that are received again, in ascending order, with those on disk. */
export class KnownBytes {
  readonly #ranges: Iterator<CheckedRange, void, undefined>;
  #range: CheckedRange | undefined;
  /** The offset up to which the range was compared. */
  #position = 0;
  /** The CRC-32 of the range up to that offset. */
  #crc = 0;

  /** `ranges` are those on disk, ascending. */
  constructor(ranges: Iterator<CheckedRange, void, undefined>) {
    this.#ranges = ranges;
    this.#takeNext();
  }

  /**
   * Compares the bytes at `position`. Returns `false` where a range ends within these bytes and its bytes on disk
   * are different.
   */
  agreeWith(bytes: Uint8Array<ArrayBuffer>, position: number): boolean {
    const endOfBytes = position + bytes.length;
    for (; this.#range !== undefined && this.#range.start < endOfBytes; this.#takeNext()) {
      const { start, end, crc } = this.#range;
      const from = Math.max(start, position);
      const to = Math.min(end, endOfBytes);
      // A range whose first bytes were not received cannot be compared.
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
