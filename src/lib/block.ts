/** Memory for bytes between the network and the file. */
export interface Block {
  /** All of its memory. A read that transfers the memory puts the new view here. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Where blocks come from. */
export interface BlockPool {
  readonly blockSize: number;
  /** Returns a block if one is free. */
  tryTake(): Block | undefined;
  /** Waits for a block; rejects with the signal's reason when it is aborted first. */
  take(signal: AbortSignal): Promise<Block>;
  /** Gives a block back, also one whose memory was lost in a failed read. */
  release(block: Block): void;
}
