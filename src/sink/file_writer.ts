import { DownloadError } from "../errors.ts";
import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";
import { storageError } from "../storage/storage_error.ts";

interface Job {
  readonly data: Uint8Array;
  readonly position: number;
  readonly done: (written: boolean) => void;
}

/** By how much a file is extended beyond the next write. */
const ROOM_BYTES = 64 * 1024 * 1024;

/** What a {@linkcode FileWriter} works with. */
export interface FileWriterOptions {
  readonly file: RuntimeFile;
  readonly path: string;
  /** The size of the file in bytes. */
  readonly size: number;
  /** The size of the complete file in bytes; `undefined` while it is not known. */
  readonly finalSize: number | undefined;
  /** Called with the error of the first write that fails. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Writes to one file, one write after the other. After a failed write nothing more is written, because only
 * acknowledged bytes are then known to be in the file.
 *
 * When another program truncates the file, the next write beyond its end would leave a hole. So the size is checked
 * before every write beyond the end. The check takes time, so the file is extended in large steps, and nearly no
 * write reaches its end.
 */
export class FileWriter {
  readonly #options: FileWriterOptions;
  readonly #queue: Job[] = [];
  #isDraining = false;
  #failure: DownloadError | undefined;
  /** The size of the file in bytes, unless another program changes it. */
  #size: number;
  #isForeign = false;

  constructor(options: FileWriterOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  /** Queues a write. `done` reports whether the bytes were written. */
  write(data: Uint8Array, position: number, done: (written: boolean) => void): void {
    this.#queue.push({ data, position, done });
    if (!this.#isDraining) void this.#drain();
  }

  /** Waits for every queued write. Rejects when one failed. */
  async settle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.write(NOTHING, 0, () => resolve());
    await promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Reads the file's attributes. Rejects, and writes nothing more, when another program changed the file. */
  async inspect(): Promise<FileInfo> {
    const written = this.#size;
    try {
      const info = await this.#options.file.stat();
      // A running or failed write may have made the file longer.
      this.#requireOurs(info.size >= written);
      return info;
    } catch (cause) {
      throw this.#fail("inspect", cause);
    }
  }

  /** Empties the file after all queued writes. */
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
    // Set in this turn, and not when a promise has settled. A job that is queued in between would wait for ever.
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
    // A write at the end of the file extends the file itself.
    if (size <= Math.max(this.#size, end)) return;
    try {
      await file.truncate(size);
      this.#size = size;
    } catch {
      // Not every disk can extend a file, and a full disk may extend it partly. The writes then extend it.
      this.#size = Math.max(this.#size, (await file.stat()).size);
    }
  }

  #requireOurs(hasOurSize: boolean): void {
    this.#isForeign ||= !hasOurSize;
    if (!this.#isForeign) return;
    throw new DownloadError(
      "storage",
      `Cannot write "${this.#options.path}": it was changed by another program; try again`,
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
