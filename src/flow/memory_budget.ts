import type { Block, BlockPool } from "../lib/block.ts";
import { WaitList } from "../lib/wait_list.ts";

/** The largest block. With this size the cost of a write is negligible. */
const MAX_BLOCK_BYTES = 512 * 1024;
const MIN_BLOCK_BYTES = 4 * 1024;
/**
 * A chunk of the runtime fills at most this many blocks. Above this number fewer connections are better than
 * smaller blocks.
 */
const BLOCKS_PER_CHUNK = 8;
/** One block for the next read, and one that collects small reads. */
const BLOCKS_PER_CONNECTION = 2;
/** Blocks that wait for their write while the network continues. */
const BLOCKS_QUEUED = 2;

/** How a memory budget is cut into blocks. */
export interface BlockLayout {
  readonly blockSize: number;
  readonly blocks: number;
  /** How many connections the budget can feed. */
  readonly connections: number;
}

/** A budget, and the users of its blocks. */
export interface BlockNeeds {
  /** Budget in bytes. */
  readonly budget: number;
  readonly connections: number;
  /** Blocks for other users. */
  readonly reserved?: number;
  /**
   * Bytes that the runtime itself may buffer for each connection. They count against the budget, except that
   * one connection is always allowed.
   */
  readonly chunkBytes?: number;
  /** Size of the file in bytes. */
  readonly fileSize?: number;
}

/** Divides a budget into blocks for all connections, or for as many as it can feed. */
export function layOutBlocks(
  { budget, connections, reserved = 0, chunkBytes = 0, fileSize = Infinity }: BlockNeeds,
): BlockLayout {
  const fixed = BLOCKS_QUEUED + reserved;
  const leastBlock = Math.max(MIN_BLOCK_BYTES, chunkBytes / BLOCKS_PER_CHUNK);
  const leastEach = BLOCKS_PER_CONNECTION * leastBlock + chunkBytes;
  const affordable = Math.floor((budget - fixed * leastBlock) / leastEach);
  const supplied = Math.min(connections, Math.max(1, affordable));
  const wanted = supplied * BLOCKS_PER_CONNECTION + fixed;
  const inBlocks = Math.max(budget - supplied * chunkBytes, Math.min(budget, wanted * MIN_BLOCK_BYTES));
  const most = Math.max(MIN_BLOCK_BYTES, Math.min(MAX_BLOCK_BYTES, 2 ** Math.ceil(Math.log2(fileSize))));
  const blockSize = Math.min(most, 2 ** Math.floor(Math.log2(inBlocks / wanted)));
  return { blockSize, blocks: Math.floor(inBlocks / blockSize), connections: supplied };
}

/** A bounded number of blocks. A caller without a free block waits, which slows the network down. */
export class MemoryBudget implements BlockPool {
  readonly blockSize: number;
  readonly #limit: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #waiters = new WaitList<Block>();
  #inUse = 0;
  #peak = 0;

  constructor({ blockSize, blocks }: Pick<BlockLayout, "blockSize" | "blocks">) {
    this.blockSize = blockSize;
    this.#limit = blocks;
  }

  /** Bytes of all taken blocks. */
  get bytesInUse(): number {
    return this.#inUse * this.blockSize;
  }

  /** The highest value of `bytesInUse` so far. */
  get peakBytes(): number {
    return this.#peak * this.blockSize;
  }

  /** Returns a block if one is free. */
  tryTake(): Block | undefined {
    if (this.#inUse === this.#limit) return undefined;
    this.#inUse++;
    this.#peak = Math.max(this.#peak, this.#inUse);
    return { bytes: this.#free.pop() ?? new Uint8Array(this.blockSize) };
  }

  /** Waits for a block; rejects with the signal's reason when it is aborted first. */
  async take(signal: AbortSignal): Promise<Block> {
    signal.throwIfAborted();
    const block = this.tryTake();
    if (block !== undefined) return block;
    return await this.#waiters.wait(signal);
  }

  /**
   * Returns a block. If a failed read lost its memory, `bytes` has another length, and new memory replaces
   * it.
   */
  release(block: Block): void {
    const bytes = block.bytes.length === this.blockSize ? block.bytes : new Uint8Array(this.blockSize);
    block.bytes = EMPTY;
    if (this.#waiters.wakeFirst({ bytes })) return;
    this.#inUse--;
    this.#free.push(bytes);
  }
}

const EMPTY = new Uint8Array(0);
