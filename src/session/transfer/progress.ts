import type { SessionStatus } from "../context.ts";

/** Where a transfer reports what its connections receive. */
export interface TransferProgress {
  /** Bytes of the file that came over the network, those included that were on disk already. */
  readonly fetched: number;
  /** Counts a connection that receives a body, until the result is disposed. */
  connected(): Disposable;
  /** Counts new bytes of the file. */
  add(bytes: number): void;
  /** Counts bytes that were received again. */
  addSkipped(bytes: number): void;
}

/** Reports to the status of a session. */
export function progressOf(status: SessionStatus): TransferProgress {
  const { meter } = status;
  return {
    get fetched() {
      return meter.fetched;
    },
    connected() {
      status.connections++;
      return { [Symbol.dispose]: () => void status.connections-- };
    },
    add: (bytes) => meter.add(bytes),
    addSkipped: (bytes) => meter.addSkipped(bytes),
  };
}
