import { type CheckedRange, combineCrc32 } from "../lib/crc32.ts";
import type { ByteRange } from "../types.ts";

/** What a piece map knows, in a form that can be stored. */
export interface PieceMapSnapshot {
  /** One bit for each piece, lowest bit first; set when the whole piece is there. */
  readonly bitmap: Uint8Array<ArrayBuffer>;
  /** The CRC-32 of each piece, of which those of whole pieces mean something. */
  readonly crcs: Uint32Array<ArrayBuffer>;
  /** What is there of pieces that are not whole, ascending. */
  readonly partial: readonly CheckedRange[];
}

/**
 * Which bytes of a file are there, and the CRC-32 of them as they were received. Whole pieces take a bit and a
 * CRC each; what is there of an unfinished piece is kept as ranges, of which there are about as many as
 * connections. A file of unknown size is one piece without an end.
 */
export class PieceMap {
  readonly pieceSize: number;
  #size: number;
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  readonly #crcs: Uint32Array<ArrayBuffer>;
  readonly #partial = new Map<number, CheckedRange[]>();
  #doneBytes = 0;
  #wholePrefix = 0;

  /** Starts empty; `size` is `Infinity` while it is not known. */
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

  /** Bytes that are there. */
  get doneBytes(): number {
    return this.#doneBytes;
  }

  get isComplete(): boolean {
    return this.#doneBytes === this.#size;
  }

  /** End of the longest prefix that is there. */
  get frontier(): number {
    while (this.#wholePrefix < this.#pieceCount && this.#isWhole(this.#wholePrefix)) this.#wholePrefix++;
    const start = this.#startOf(this.#wholePrefix);
    const first = this.#partial.get(this.#wholePrefix)?.[0];
    return first?.start === start ? first.end : Math.min(start, this.#size);
  }

  /** Ends a file of unknown size where its data ends. */
  endAt(size: number): void {
    this.#size = size;
  }

  /**
   * Records that the bytes of `range`, which lies within one piece, are there, and their CRC-32. A range that
   * overlaps what is there adds nothing: no CRC can be made of a part of it.
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

  /** The ranges that are there, ascending, each within one piece. */
  *known(): Generator<CheckedRange, void, undefined> {
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.#isWhole(piece)) {
        yield { start: this.#startOf(piece), end: this.#endOf(piece), crc: this.#crcs[piece]! };
      } else yield* this.#partial.get(piece) ?? [];
    }
  }

  /** The ranges that are not there, ascending. */
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

  /** Takes up what `snapshot` says. */
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
 * Adds `range` to ascending ranges and joins it with those that it touches. Returns `false`, and adds nothing, when it
 * overlaps one. Many ranges in one piece must not cost the square of their number.
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
