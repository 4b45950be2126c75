import type { ByteRange } from "../types.ts";

/** What a piece map knows, in a form that can be stored. */
export interface PieceMapSnapshot {
  /** One bit for each piece, lowest bit first; set when the whole piece is there. */
  readonly bitmap: Uint8Array<ArrayBuffer>;
  /** What is there of pieces that are not whole, ascending. */
  readonly partial: readonly ByteRange[];
}

/**
 * Which bytes of a file are there. Whole pieces take a bit each; what is there of an unfinished piece is
 * kept as ranges, of which there are about as many as connections. A file of unknown size is one piece
 * without an end.
 */
export class PieceMap {
  readonly pieceSize: number;
  #size: number;
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  readonly #partial = new Map<number, ByteRange[]>();
  #doneBytes = 0;
  #wholePrefix = 0;

  /** Starts empty; `size` is `Infinity` while it is not known. */
  constructor(size: number, pieceSize: number) {
    this.#size = size;
    this.pieceSize = size === Infinity ? Infinity : pieceSize;
    this.#bitmap = new Uint8Array(Math.ceil(this.#pieceCount / 8));
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

  /** Records that the bytes of `range` are there; some may have been before. */
  add(range: ByteRange): void {
    let start = range.start;
    while (start < range.end) {
      const piece = this.#pieceOf(start);
      const end = Math.min(range.end, this.#endOf(piece));
      this.#addWithin(piece, { start, end });
      start = end;
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
      partial: pieces.flatMap((piece) => this.#partial.get(piece) ?? []),
    };
  }

  /** Takes up what `snapshot` says, as far as it lies before `limit`. */
  restore(snapshot: PieceMapSnapshot, limit: number): void {
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      const whole = (snapshot.bitmap[piece >> 3]! >> (piece & 7)) & 1;
      if (whole) this.#addUpTo({ start: this.#startOf(piece), end: this.#endOf(piece) }, limit);
    }
    for (const range of snapshot.partial) this.#addUpTo(range, limit);
  }

  /** Forgets everything. */
  clear(): void {
    this.#bitmap.fill(0);
    this.#partial.clear();
    this.#doneBytes = 0;
    this.#wholePrefix = 0;
  }

  #addUpTo({ start, end }: ByteRange, limit: number): void {
    this.add({ start, end: Math.min(end, limit) });
  }

  #addWithin(piece: number, range: ByteRange): void {
    if (this.#isWhole(piece)) return;
    const before = this.#partial.get(piece) ?? [];
    const after = union(before, range);
    this.#doneBytes += totalLength(after) - totalLength(before);
    const [only] = after;
    if (only?.start === this.#startOf(piece) && only.end === this.#endOf(piece)) {
      this.#partial.delete(piece);
      this.#bitmap[piece >> 3]! |= 1 << (piece & 7);
    } else {
      this.#partial.set(piece, after);
    }
  }

  get #pieceCount(): number {
    return this.pieceSize === Infinity ? 1 : Math.ceil(this.#size / this.pieceSize);
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

/** Adds `range` to ascending ranges that neither touch nor overlap, and keeps them so. */
function union(ranges: readonly ByteRange[], range: ByteRange): ByteRange[] {
  let { start, end } = range;
  const before = ranges.filter((it) => it.end < start);
  const after = ranges.filter((it) => it.start > end);
  for (const it of ranges.slice(before.length, ranges.length - after.length)) {
    start = Math.min(start, it.start);
    end = Math.max(end, it.end);
  }
  return [...before, { start, end }, ...after];
}

function totalLength(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
