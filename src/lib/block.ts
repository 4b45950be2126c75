/** Memory for bytes on their way from the network to the file. */
export interface Block {
  /** A view of all its memory. A read that transfers the memory puts the new view here. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A limited number of blocks. */
export interface BlockPool {
  readonly blockSize: number;
  /** Returns a block if one is free. */
  tryTake(): Block | undefined;
  /** Waits for a block; rejects with the signal's reason when it is aborted first. */
  take(signal: AbortSignal): Promise<Block>;
  /** Returns a block to the pool, also a block whose memory was lost in a failed read. */
  release(block: Block): void;
}
