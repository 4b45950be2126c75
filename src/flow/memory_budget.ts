import type { Block, BlockPool } from "../lib/block.ts";
import { WaitList } from "../lib/wait_list.ts";

/** The largest block: enough that the cost of a write hardly counts. */
const MAX_BLOCK_BYTES = 512 * 1024;
const MIN_BLOCK_BYTES = 4 * 1024;
/** Into how many blocks a chunk of the runtime's own may fall, before fewer connections are the better choice. */
const BLOCKS_PER_CHUNK = 8;
/** One that the network fills and one that small reads are gathered in. */
const BLOCKS_PER_CONNECTION = 2;
/** Blocks that wait to be written while the network goes on. */
const BLOCKS_QUEUED = 2;

/** How a memory budget is cut into blocks. */
export interface BlockLayout {
  readonly blockSize: number;
  readonly blocks: number;
  /** How many connections the budget can feed. */
  readonly connections: number;
}

/** What is to be cut into blocks, and for whom. */
export interface BlockNeeds {
  /** Bytes. */
  readonly budget: number;
  readonly connections: number;
  /** Blocks for others. */
  readonly reserved?: number;
  /** What each connection may hold in memory of the runtime's own. It counts; that of one has to be borne in any case. */
  readonly chunkBytes?: number;
  /** Bytes of the whole file. */
  readonly fileSize?: number;
}

/** Cuts a budget into blocks for all connections, or for as many as it can feed. */
export function layOutBlocks(
  { budget, connections, reserved = 0, chunkBytes = 0, fileSize = Infinity }: BlockNeeds,
): BlockLayout {
  const fixed = BLOCKS_QUEUED + reserved;
  const leastBlock = Math.max(MIN_BLOCK_BYTES, chunkBytes / BLOCKS_PER_CHUNK);
  const leastEach = BLOCKS_PER_CONNECTION * leastBlock + chunkBytes;
  const affordable = Math.floor((budget - fixed * leastBlock) / leastEach);
  const fed = Math.min(connections, Math.max(1, affordable));
  const wanted = fed * BLOCKS_PER_CONNECTION + fixed;
  const inBlocks = Math.max(budget - fed * chunkBytes, Math.min(budget, wanted * MIN_BLOCK_BYTES));
  const most = Math.max(MIN_BLOCK_BYTES, Math.min(MAX_BLOCK_BYTES, 2 ** Math.ceil(Math.log2(fileSize))));
  const blockSize = Math.min(most, 2 ** Math.floor(Math.log2(inBlocks / wanted)));
  return { blockSize, blocks: Math.floor(inBlocks / blockSize), connections: fed };
}

/** A bounded number of blocks. Who finds none waits, which is what holds the network back. */
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

  /** Bytes of the blocks that are taken. */
  get bytesInUse(): number {
    return this.#inUse * this.blockSize;
  }

  /** The most that `bytesInUse` has been. */
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

  /** Gives a block back. Its memory may have been lost in a failed read, which `bytes` then shows. */
  release(block: Block): void {
    const bytes = block.bytes.length === this.blockSize ? block.bytes : new Uint8Array(this.blockSize);
    block.bytes = EMPTY;
    if (this.#waiters.wakeFirst({ bytes })) return;
    this.#inUse--;
    this.#free.push(bytes);
  }
}

const EMPTY = new Uint8Array(0);
