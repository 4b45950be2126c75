import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../lib/crc32.ts";

/** Start and length in 8 bytes each, the CRC-32 of the data, and the check of these three. */
export const ENTRY_BYTES = 24;
const CHECKED_BYTES = ENTRY_BYTES - 4;
const HALF = 2 ** 32;
/** The offset of the CRC-32 in a control record. */
export const SEED_OFFSET = 20;

/** What the entries of a journal must agree with. */
export interface JournalOwner {
  /** The CRC-32 of the control record before the journal. It seeds each check, so no entry of another record fits. */
  readonly seed: number;
  /** Bytes in the file. */
  readonly size: number;
  /** An entry lies within one piece. */
  readonly pieceSize: number;
}

/** The bytes of journal entries for `ranges`. */
export function encodeEntries(
  ranges: readonly CheckedRange[],
  seed: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ranges.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  ranges.forEach(({ start, end, crc }, index) => {
    const at = index * ENTRY_BYTES;
    setCount(view, at, start);
    setCount(view, at + 8, end - start);
    view.setUint32(at + 16, crc);
    view.setUint32(at + CHECKED_BYTES, crc32(bytes.subarray(at, at + CHECKED_BYTES), seed));
  });
  return bytes;
}

/** Reads entries until one is torn, has a wrong check, or has numbers that do not fit the file. */
export function decodeEntries(
  bytes: Uint8Array<ArrayBuffer>,
  { seed, size, pieceSize }: JournalOwner,
): CheckedRange[] {
  const ranges: CheckedRange[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const check = crc32(bytes.subarray(at, at + CHECKED_BYTES), seed);
    if (check !== view.getUint32(at + CHECKED_BYTES)) break;
    const start = getCount(view, at);
    const end = start + getCount(view, at + 8);
    if (start >= end || end > size) break;
    if (Math.floor(start / pieceSize) !== Math.floor((end - 1) / pieceSize)) break;
    ranges.push({ start, end, crc: view.getUint32(at + 16) });
  }
  return ranges;
}

function setCount(view: DataView, at: number, count: number): void {
  view.setUint32(at, Math.floor(count / HALF));
  view.setUint32(at + 4, count % HALF);
}

/** A count above 2⁵³ is rounded. Then it is larger than any file. */
function getCount(view: DataView, at: number): number {
  return view.getUint32(at) * HALF + view.getUint32(at + 4);
}
