import type { RuntimeFile } from "../runtime/runtime.ts";
import { storageError } from "./storage_error.ts";

interface Job {
  readonly data: Uint8Array;
  readonly position: number;
  readonly done: (written: boolean) => void;
}

/**
 * Writes to one file, one write after the other. After a failed write nothing more is written: what the
 * file holds is then unknown beyond what was acknowledged.
 */
export class FileWriter {
  readonly #file: RuntimeFile;
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  readonly #queue: Job[] = [];
  #isDraining = false;
  #failure: unknown;

  /** `onFailure` is told of the first write that fails. */
  constructor(file: RuntimeFile, path: string, onFailure: (error: unknown) => void) {
    this.#file = file;
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** Queues a write. `done` is told when it was made, or that it never will be. */
  write(data: Uint8Array, position: number, done: (written: boolean) => void): void {
    this.#queue.push({ data, position, done });
    if (!this.#isDraining) void this.#drain();
  }

  /** Waits for every write queued so far; rejects when one failed. */
  async settle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.write(NOTHING, 0, () => resolve());
    await promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.done(await this.#perform(job));
    }
    // At once, not when a promise has settled: what is queued in between would wait for ever.
    this.#isDraining = false;
  }

  async #perform({ data, position }: Job): Promise<boolean> {
    if (this.#failure !== undefined) return false;
    try {
      if (data.length > 0) await this.#file.write(data, position);
      return true;
    } catch (cause) {
      this.#failure = storageError("write", this.#path, cause);
      this.#onFailure(this.#failure);
      return false;
    }
  }
}

const NOTHING = new Uint8Array(0);
