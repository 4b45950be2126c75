/** Memory for bytes on their way from the network to the file. */
export interface Block {
  /** All memory of the block. A read that transfers the memory stores the new view here. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Supplies blocks and takes them back. */
export interface BlockPool {
  readonly blockSize: number;
  /** Returns a block if one is free. */
  tryTake(): Block | undefined;
  /** Waits for a block. Rejects with the signal's reason when the signal is aborted first. */
  take(signal: AbortSignal): Promise<Block>;
  /** Returns a block to the pool, even when a failed read lost its memory. */
  release(block: Block): void;
}
