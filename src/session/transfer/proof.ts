import { holdsRange } from "../../integrity/range_check.ts";
import type { CheckedRange } from "../../lib/crc32.ts";
import { PieceMap } from "../../plan/piece_map.ts";
import type { RuntimeFile } from "../../runtime/runtime.ts";
import type { ByteRange } from "../../types.ts";

/** How much one read may return. The signal is checked between two reads. */
export const CHECKED_BYTES: number = 512 * 1024;
/** How many bytes before the first missing byte are requested again, to compare them with the data on disk. */
export const OVERLAP_BYTES: number = 64 * 1024;
/** After as many wrong ranges beside the first gap, all ranges are checked before the first request. */
const MAX_WRONG_AHEAD = 8;

/** Where the bytes of a proof are read, and into which memory. */
export interface ProofReader {
  readonly file: Pick<RuntimeFile, "read">;
  readonly buffer: Uint8Array;
  readonly signal: AbortSignal;
}

/** What a proof reports while it runs. */
export interface ProofReports {
  /** The range is right. */
  readonly onProven: (range: CheckedRange) => void;
  /** The range is wrong, and must be fetched. */
  readonly onWrong: (range: ByteRange) => void;
}

const NO_REPORTS: ProofReports = { onProven: () => {}, onWrong: () => {} };

/** Compares the claims of an earlier run with the CRC-32 of the bytes on disk. */
export class Proof {
  /** The ranges that are right. */
  readonly proven: PieceMap;
  readonly #fileSize: number;
  readonly #claimedBytes: number;
  /** The ranges that are not known to be wrong. */
  #possible: PieceMap;
  /** The starts of ranges that were proven before their turn. */
  readonly #ahead = new Set<number>();
  /** Ranges before this offset were checked. */
  #position = 0;
  #wrongBytes = 0;

  /** The part file has `fileSize` bytes. Ranges beyond its end are wrong. They need no read, and there may be many. */
  constructor(claimed: PieceMap, fileSize: number) {
    this.#fileSize = fileSize;
    this.#claimedBytes = claimed.doneBytes;
    this.proven = new PieceMap(claimed.size, claimed.pieceSize);
    this.#possible = this.#without(claimed, undefined);
    this.#wrongBytes = claimed.doneBytes - this.#possible.doneBytes;
  }

  /** The ranges that are not known to be wrong. */
  get possible(): PieceMap {
    return this.#possible;
  }

  /** Whether every range was checked. */
  get isOver(): boolean {
    return this.#position === Infinity;
  }

  /** What the proof came to, in a sentence. */
  get outcome(): { readonly isRight: boolean; readonly text: string } {
    const wrong = this.#wrongBytes;
    const text = `${wrong} of its ${this.#claimedBytes} recorded bytes are wrong and are fetched again`;
    return { isRight: wrong === 0, text };
  }

  /** The ranges that were not checked yet, ascending. */
  *unproven(): Generator<CheckedRange, void, undefined> {
    if (this.isOver) return;
    for (const range of this.#possible.known()) {
      if (range.start >= this.#position && !this.#ahead.has(range.start)) yield range;
    }
  }

  /** Checks what is compared with the first response, until that part is right. */
  async proveOverlap(reader: ProofReader): Promise<void> {
    for (let wrong = 0; wrong <= MAX_WRONG_AHEAD; wrong++) {
      const gap = firstGap(this.#possible);
      if (gap === undefined || this.#possible.doneBytes === 0) break;
      const damaged = await this.#findWrong(gap.start, reader);
      if (damaged === undefined) return;
      this.#wrongBytes += damaged.end - damaged.start;
      this.#possible = this.#without(this.#possible, damaged);
    }
    await this.proveAll(reader);
  }

  /** Checks all ranges. Those that are right are the possible ones then. */
  async proveAll(reader: ProofReader): Promise<void> {
    await this.run(reader, NO_REPORTS);
    this.#possible = this.proven;
  }

  /** Checks the ranges that were not checked yet. */
  async run({ file, buffer, signal }: ProofReader, { onProven, onWrong }: ProofReports): Promise<void> {
    for (const range of this.unproven()) {
      const isRight = await holdsRange(file, range, buffer, signal);
      if (this.isOver) return;
      this.#position = range.end;
      if (isRight) {
        this.proven.add(range, range.crc);
        onProven(range);
      } else {
        this.#wrongBytes += range.end - range.start;
        onWrong(range);
      }
    }
    this.#position = Infinity;
  }

  /** Gives up the ranges that were not checked. */
  forget(): void {
    this.#position = Infinity;
  }

  /** Checks the ranges right before `offset`, nearest first. Returns the first one that is wrong. */
  async #findWrong(offset: number, { file, buffer, signal }: ProofReader): Promise<CheckedRange | undefined> {
    for (const range of rangesBefore(this.#possible, offset).toReversed()) {
      if (this.#ahead.has(range.start)) continue;
      if (!await holdsRange(file, range, buffer, signal)) return range;
      this.#ahead.add(range.start);
      this.proven.add(range, range.crc);
    }
    return undefined;
  }

  #without(pieces: PieceMap, excluded: CheckedRange | undefined): PieceMap {
    const rest = new PieceMap(pieces.size, pieces.pieceSize);
    for (const range of pieces.known()) {
      if (range.end <= this.#fileSize && range.start !== excluded?.start) rest.add(range, range.crc);
    }
    return rest;
  }
}

/** The lowest gap that has bytes before it, else the lowest one; `undefined` when nothing is missing. */
export function firstGap(pieces: PieceMap): (ByteRange & { readonly before: number }) | undefined {
  const gaps = pieces.missing();
  const index = gaps[0]?.start === 0 && gaps.length > 1 ? 1 : 0;
  const gap = gaps[index];
  return gap && { ...gap, before: gap.start - (gaps[index - 1]?.end ?? 0) };
}

/** The ranges that have bytes of the overlap before `offset`. */
function rangesBefore(pieces: PieceMap, offset: number): CheckedRange[] {
  const ranges: CheckedRange[] = [];
  for (const range of pieces.known()) {
    if (range.start >= offset) break;
    if (range.end > offset - OVERLAP_BYTES) ranges.push(range);
  }
  return ranges;
}
