import { type CheckedRange, combineCrc32 } from "../lib/crc32.ts";
import type { ByteRange } from "../types.ts";

/** The content of a piece map, in a form that can be stored. */
export interface PieceMapSnapshot {
  /** One bit for each piece, lowest bit first; set when the piece is finished. */
  readonly bitmap: Uint8Array<ArrayBuffer>;
  /** The CRC-32 of each piece; only those of finished pieces have a meaning. */
  readonly crcs: Uint32Array<ArrayBuffer>;
  /** The known ranges of unfinished pieces, ascending. */
  readonly partial: readonly CheckedRange[];
}

/**
 * The bytes of a file that were received, and their CRC-32. A finished piece takes one bit and one CRC.
 * Unfinished pieces are kept as ranges, about one for each connection. A file of unknown size is one piece
 * without an end.
 */
export class PieceMap {
  readonly pieceSize: number;
  #size: number;
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  readonly #crcs: Uint32Array<ArrayBuffer>;
  readonly #partial = new Map<number, CheckedRange[]>();
  #doneBytes = 0;
  #wholePrefix = 0;

  /** Starts empty. An unknown `size` is `Infinity`. */
  constructor(size: number, pieceSize: number) {
    this.#size = size;
    this.pieceSize = size === Infinity ? Infinity : pieceSize;
    this.#bitmap = new Uint8Array(Math.ceil(this.#pieceCount / 8));
    this.#crcs = new Uint32Array(this.#pieceCount);
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Number of received bytes. */
  get doneBytes(): number {
    return this.#doneBytes;
  }

  get isComplete(): boolean {
    return this.#doneBytes === this.#size;
  }

  /** End of the longest finished prefix. */
  get frontier(): number {
    while (this.#wholePrefix < this.#pieceCount && this.#isWhole(this.#wholePrefix)) this.#wholePrefix++;
    const start = this.#startOf(this.#wholePrefix);
    const first = this.#partial.get(this.#wholePrefix)?.[0];
    return first?.start === start ? first.end : Math.min(start, this.#size);
  }

  /** Sets the size of a file of unknown size, once its data has ended. */
  endAt(size: number): void {
    this.#size = size;
  }

  /**
   * Adds the received bytes of `range` with their CRC-32. The range must lie within one piece. A range that
   * overlaps a known one is ignored, because the CRC of its new part is unknown.
   */
  add(range: ByteRange, crc: number): void {
    const piece = this.#pieceOf(range.start);
    if (range.end > this.#endOf(piece)) {
      throw new RangeError(`Cannot add bytes ${range.start} to ${range.end}: they are not of one piece`);
    }
    if (this.#isWhole(piece) || range.start === range.end) return;
    const known = this.#partial.get(piece) ?? [];
    if (!insert(known, { start: range.start, end: range.end, crc })) return;
    this.#doneBytes += range.end - range.start;
    const [only] = known;
    if (only?.start === this.#startOf(piece) && only.end === this.#endOf(piece)) {
      this.#partial.delete(piece);
      this.#setWhole(piece, only.crc);
    } else {
      this.#partial.set(piece, known);
    }
  }

  /** The received ranges, ascending, each within one piece. */
  *known(): Generator<CheckedRange, void, undefined> {
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.#isWhole(piece)) {
        yield { start: this.#startOf(piece), end: this.#endOf(piece), crc: this.#crcs[piece]! };
      } else yield* this.#partial.get(piece) ?? [];
    }
  }

  /** The missing ranges, ascending. */
  missing(): ByteRange[] {
    const gaps: ByteRange[] = [];
    const gap = (start: number, end: number) => {
      const last = gaps.at(-1);
      if (last?.end === start) gaps[gaps.length - 1] = { start: last.start, end };
      else if (start < end) gaps.push({ start, end });
    };
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.#isWhole(piece)) continue;
      let position = this.#startOf(piece);
      for (const known of this.#partial.get(piece) ?? []) {
        gap(position, known.start);
        position = known.end;
      }
      gap(position, this.#endOf(piece));
    }
    return gaps;
  }

  snapshot(): PieceMapSnapshot {
    const pieces = [...this.#partial.keys()].sort((a, b) => a - b);
    return {
      bitmap: this.#bitmap.slice(),
      crcs: this.#crcs.slice(),
      partial: pieces.flatMap((piece) => this.#partial.get(piece) ?? []),
    };
  }

  /** Adds the pieces and ranges of a snapshot. */
  restore({ bitmap, crcs, partial }: PieceMapSnapshot): void {
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      const isWhole = (bitmap[piece >> 3]! >> (piece & 7)) & 1;
      if (isWhole && !this.#isWhole(piece) && !this.#partial.has(piece)) {
        this.#doneBytes += this.#endOf(piece) - this.#startOf(piece);
        this.#setWhole(piece, crcs[piece]!);
      }
    }
    for (const range of partial) this.add(range, range.crc);
  }

  /** Forgets everything. */
  clear(): void {
    this.#bitmap.fill(0);
    this.#partial.clear();
    this.#doneBytes = 0;
    this.#wholePrefix = 0;
  }

  get #pieceCount(): number {
    return this.pieceSize === Infinity ? 1 : Math.ceil(this.#size / this.pieceSize);
  }

  #setWhole(piece: number, crc: number): void {
    this.#bitmap[piece >> 3]! |= 1 << (piece & 7);
    this.#crcs[piece] = crc;
  }

  #isWhole(piece: number): boolean {
    return ((this.#bitmap[piece >> 3] ?? 0) >> (piece & 7) & 1) === 1;
  }

  #pieceOf(offset: number): number {
    return Math.floor(offset / this.pieceSize);
  }

  #startOf(piece: number): number {
    return piece === 0 ? 0 : piece * this.pieceSize;
  }

  #endOf(piece: number): number {
    return Math.min((piece + 1) * this.pieceSize, this.#size);
  }
}

/**
 * Adds `range` to ascending ranges and joins it with its neighbours. Returns `false`, and adds nothing, when
 * it overlaps a range. The time for many ranges in one piece must not grow with the square of their number.
 */
function insert(ranges: CheckedRange[], range: CheckedRange): boolean {
  const next = firstEndingAfter(ranges, range.start);
  if (next < ranges.length && ranges[next]!.start < range.end) return false;
  const from = next > 0 && ranges[next - 1]!.end === range.start ? next - 1 : next;
  const to = next < ranges.length && ranges[next]!.start === range.end ? next + 1 : next;
  const joined = [...ranges.slice(from, next), range, ...ranges.slice(next, to)].reduce(join);
  ranges.splice(from, to - from, joined);
  return true;
}

/** Index of the first range whose end lies behind `offset`. */
function firstEndingAfter(ranges: readonly CheckedRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function join(first: CheckedRange, second: CheckedRange): CheckedRange {
  const crc = combineCrc32(first.crc, second.crc, second.end - second.start);
  return { start: first.start, end: second.end, crc };
}
