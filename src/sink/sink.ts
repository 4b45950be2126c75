import type { Claims } from "../storage/control_record.ts";
import type { FileReader } from "../storage/part_file.ts";

/**
 * Where the checked bytes of one download go, up to the final name. Nobody asks which kind it is. A part file and a small
 * file in memory are two kinds. A third one, which hands the bytes on in order, has its place here: it calls `done` once
 * bytes were handed on, so that their blocks hold the network back, and it can never be saved.
 */
export interface Sink {
  /** What messages call it. */
  readonly path: string;
  /** Bytes that it takes from the memory budget. */
  readonly memoryBytes: number;
  /** Aborted with the reason as soon as a write fails. Nothing is written afterwards. */
  readonly failed: AbortSignal;
  /** Whether `save()` can still keep progress for a later run. */
  readonly canSave: boolean;
  /** Queues a write; `data` must stay as it is until `done` reports, in a later turn, whether it was made. */
  write(data: Uint8Array, position: number, done: (written: boolean) => void): void;
  /** Waits for all writes queued so far; rejects when one failed. */
  settle(): Promise<void>;
  /** Removes all bytes, for a restart. */
  clear(): Promise<void>;
  /** Opens it for hashing what was written. */
  openReader(): Promise<FileReader>;
  /** Makes all that was written durable. */
  sync(): Promise<void>;
  /** Records claims, all of whose bytes were written before the latest `sync()`. */
  save(claims: Claims): Promise<void>;
  /** Ends writing: every byte was written. `makeDurable` is called unless `commit()` itself makes them durable. */
  complete(makeDurable: () => Promise<void>): Promise<void>;
  /** Gives the file, which must have all `size` bytes, its final name. Gives none once `signal` is aborted. */
  commit(size: number, signal: AbortSignal): Promise<void>;
  /** Keeps a file that failed its checksum under a name for that, which it returns, and removes the rest. */
  keepMismatch(): Promise<string>;
  /** Removes everything. */
  discard(): Promise<void>;
}
