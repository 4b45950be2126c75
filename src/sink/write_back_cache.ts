import { crc32 } from "node:zlib";
import type { Block, BlockPool } from "../lib/block.ts";
import type { CheckedRange } from "../lib/crc32.ts";
import type { Sink } from "./sink.ts";

/** What a {@linkcode WriteBackCache} works with. */
export interface WriteBackCacheOptions {
  readonly pool: BlockPool;
  readonly sink: Pick<Sink, "write" | "settle">;
  readonly pieceSize: number;
  /** Called with each range once the sink has it. A range lies within one piece. */
  readonly onWritten: (range: CheckedRange) => void;
}

/**
 * Buffers received bytes until they are in the sink. A read that fills at least half a block is written as it is.
 * Smaller reads are joined, because a write costs far more than copying a few kilobytes.
 */
export class WriteBackCache {
  readonly #options: WriteBackCacheOptions;
  readonly #lanes = new Set<CacheLane>();

  constructor(options: WriteBackCacheOptions) {
    this.#options = options;
  }

  /** Opens a lane, which buffers the bytes of one connection. */
  openLane(): CacheLane {
    const { blockSize } = this.#options.pool;
    const lane = new CacheLane(blockSize, (block, bytes, position) => this.#write(block, bytes, position));
    this.#lanes.add(lane);
    return lane;
  }

  closeLane(lane: CacheLane): void {
    lane.flush();
    this.#lanes.delete(lane);
  }

  /** Writes everything received so far to the sink. */
  async flush(): Promise<void> {
    for (const lane of this.#lanes) lane.flush();
    await this.#options.sink.settle();
  }

  /** Writes what was buffered at the last call already, so that a slow connection does not buffer for long. */
  flushStale(): void {
    for (const lane of this.#lanes) lane.flushStale();
  }

  #write(block: Block, bytes: Uint8Array, position: number): void {
    const { pool, sink, pieceSize, onWritten } = this.#options;
    let ranges: readonly CheckedRange[] = [];
    sink.write(bytes, position, (written) => {
      pool.release(block);
      if (written) ranges.forEach(onWritten);
    });
    // Computed after the write was queued, while the disk is writing.
    ranges = checkedRanges(bytes, position, pieceSize);
  }
}

/** Splits bytes for `position` where pieces end, and computes the CRC-32 of each range. */
function checkedRanges(bytes: Uint8Array, position: number, pieceSize: number): CheckedRange[] {
  const ranges: CheckedRange[] = [];
  for (let taken = 0; taken < bytes.length;) {
    const start = position + taken;
    const length = Math.min(bytes.length - taken, pieceSize - start % pieceSize);
    const crc = crc32(bytes.subarray(taken, taken + length));
    ranges.push({ start, end: start + length, crc });
    taken += length;
  }
  return ranges;
}

type WriteBlock = (block: Block, bytes: Uint8Array, position: number) => void;

/** Buffers the bytes of one connection. They arrive in ascending order within a segment. */
export class CacheLane {
  readonly #blockSize: number;
  readonly #write: WriteBlock;
  #buffered: Block | undefined;
  #start = 0;
  #length = 0;
  /** Whether the block was buffered at the last look. */
  #isStale = false;

  constructor(blockSize: number, write: WriteBlock) {
    this.#blockSize = blockSize;
    this.#write = write;
  }

  /**
   * Stores the first `length` bytes of `block`, which belong at `position`. Returns the block when it may be read
   * into again, and `undefined` when the lane keeps it.
   */
  store(block: Block, length: number, position: number): Block | undefined {
    if (length >= this.#blockSize / 2) {
      this.flush();
      this.#write(block, block.bytes.subarray(0, length), position);
      return undefined;
    }
    if (position !== this.#start + this.#length) this.flush();
    const into = this.#buffered;
    if (into === undefined) return this.#buffer(block, length, position);
    const fitting = Math.min(length, into.bytes.length - this.#length);
    into.bytes.set(block.bytes.subarray(0, fitting), this.#length);
    this.#length += fitting;
    if (this.#length === into.bytes.length) this.flush();
    if (fitting === length) return block;
    block.bytes.copyWithin(0, fitting, length);
    return this.#buffer(block, length - fitting, position + fitting);
  }

  /** Writes the buffered bytes to the sink. */
  flush(): void {
    const block = this.#buffered;
    if (block === undefined) return;
    this.#buffered = undefined;
    this.#write(block, block.bytes.subarray(0, this.#length), this.#start);
    this.#length = 0;
  }

  /** Writes the buffered bytes if the first of them were buffered at the last call. */
  flushStale(): void {
    if (this.#isStale) this.flush();
    this.#isStale = this.#buffered !== undefined;
  }

  /** Keeps the block, so that later bytes are appended to it. Writing its few bytes now would cost far more. */
  #buffer(block: Block, length: number, position: number): undefined {
    this.#buffered = block;
    this.#isStale = false;
    this.#start = position;
    this.#length = length;
  }
}
