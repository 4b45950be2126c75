import { DownloadError } from "../errors.ts";
import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";
import { storageError } from "../storage/storage_error.ts";

interface Job {
  readonly data: Uint8Array;
  readonly position: number;
  readonly done: (written: boolean) => void;
}

/** How much longer than needed a file is made at a time. */
const ROOM_BYTES = 64 * 1024 * 1024;

/** What a {@linkcode FileWriter} works with. */
export interface FileWriterOptions {
  readonly file: RuntimeFile;
  readonly path: string;
  /** Bytes that the file has. */
  readonly size: number;
  /** Bytes that it will have in the end, `undefined` while that is not known. */
  readonly finalSize: number | undefined;
  /** Called with the error of the first write that fails. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Writes to one file, one write after the other. After a failed write nothing more is written: what the
 * file holds is then unknown beyond what was acknowledged.
 *
 * A file that another program cut stays shorter than it was until a write reaches that far again, and would
 * then have a hole. So the size is checked before every such write. That takes time, so the file is made
 * longer in large steps, and nearly no write reaches its end.
 */
export class FileWriter {
  readonly #options: FileWriterOptions;
  readonly #queue: Job[] = [];
  #isDraining = false;
  #failure: DownloadError | undefined;
  /** Bytes that the file has while nobody else changes it. */
  #size: number;
  #isForeign = false;

  constructor(options: FileWriterOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  /** Queues a write. `done` reports that it was made, or that it never will be. */
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

  /** Looks at the file. Rejects, and writes nothing more, when it was changed by somebody else. */
  async inspect(): Promise<FileInfo> {
    const written = this.#size;
    try {
      const info = await this.#options.file.stat();
      // A write under way, or one that failed, may have made it longer.
      this.#requireOurs(info.size >= written);
      return info;
    } catch (cause) {
      throw this.#fail("look at", cause);
    }
  }

  /** Empties the file once all that was queued is done. */
  async clear(): Promise<void> {
    await this.settle();
    try {
      await this.#options.file.truncate(0);
      this.#size = 0;
    } catch (cause) {
      throw this.#fail("empty", cause);
    }
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.done(await this.#perform(job));
    }
    // In this turn, not when a promise has settled: a job that is queued in between would wait for ever.
    this.#isDraining = false;
  }

  async #perform({ data, position }: Job): Promise<boolean> {
    if (this.#failure !== undefined) return false;
    if (data.length === 0) return true;
    const { file } = this.#options;
    const end = position + data.length;
    try {
      if (end >= this.#size) await this.#makeRoom(end);
      await file.write(data, position);
      this.#size = Math.max(this.#size, end);
      return true;
    } catch (cause) {
      this.#fail("write", cause);
      return false;
    }
  }

  async #makeRoom(end: number): Promise<void> {
    const { file, finalSize = 0 } = this.#options;
    this.#requireOurs((await file.stat()).size === this.#size);
    const size = Math.min(end + ROOM_BYTES, finalSize);
    // What the write itself makes long enough needs no room.
    if (size <= Math.max(this.#size, end)) return;
    try {
      await file.truncate(size);
      this.#size = size;
    } catch {
      // Not every disk can, and a full one may have come half-way. Then the writes do it.
      this.#size = Math.max(this.#size, (await file.stat()).size);
    }
  }

  #requireOurs(hasOurSize: boolean): void {
    this.#isForeign ||= !hasOurSize;
    if (!this.#isForeign) return;
    throw new DownloadError(
      "storage",
      `Cannot write "${this.#options.path}": it was changed by another program; run it again`,
    );
  }

  #fail(doing: string, cause: unknown): DownloadError {
    const error = storageError(doing, this.#options.path, cause);
    if (this.#failure === undefined) {
      this.#failure = error;
      this.#options.onFailure(error);
    }
    return error;
  }
}

const NOTHING = new Uint8Array(0);
