import type { Claims } from "../storage/control_record.ts";
import type { Journal, JournalStart } from "../storage/journal/journal.ts";
import type { FileReader } from "../storage/part_file.ts";

/**
 * Where the checked bytes of one download go, up to the final name. Callers do not depend on its kind. There are two
 * kinds: a part file, and a small file in memory. A third kind may pass the bytes on in order. It would call `done`
 * once the bytes were passed on, so that the blocks limit the rate of the network. It could never be saved.
 */
export interface Sink {
  /** The path that messages name. */
  readonly path: string;
  /** Bytes of the memory budget that the sink uses. */
  readonly memoryBytes: number;
  /** Aborted with the error as soon as a write fails. Nothing is written afterwards. */
  readonly failed: AbortSignal;
  /** Whether `save()` can still record progress for a later run. */
  readonly canSave: boolean;
  /** Takes claims between two saves; `undefined` where a kill loses the bytes themselves. */
  readonly journal: Pick<Journal, "append" | "drop"> | undefined;
  /** Queues a write. `data` must not change until `done` reports, in a later turn, whether the bytes were written. */
  write(data: Uint8Array, position: number, done: (written: boolean) => void): void;
  /** Waits for all queued writes. Rejects when one failed. */
  settle(): Promise<void>;
  /** Removes all bytes, for a restart. */
  clear(): Promise<void>;
  /** Opens a reader for hashing the written bytes. */
  openReader(): Promise<FileReader>;
  /** Makes all written bytes durable. */
  sync(): Promise<void>;
  /**
   * Records claims. All their bytes must have been written before the latest `sync()`. `journal` has what is not proven
   * or was written since.
   */
  save(claims: Claims, journal: JournalStart): Promise<void>;
  /**
   * Ends writing after every byte was written. Calls `makeDurable` unless `commit()` itself makes the bytes durable.
   */
  complete(makeDurable: () => Promise<void>): Promise<void>;
  /** Gives the file its final name. The file must have all `size` bytes. It gets no name once `signal` is aborted. */
  commit(size: number, signal: AbortSignal): Promise<void>;
  /** Keeps a file that failed its checksum as `<name>.mismatch` and removes the other files. Returns that path. */
  keepMismatch(): Promise<string>;
  /** Removes all files of the download. */
  discard(): Promise<void>;
}
