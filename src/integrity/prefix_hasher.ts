import type { RuntimeFile } from "../runtime/runtime.ts";
import { createHasher, createLocalHasher, type Hasher, HashThreadError } from "./hash_worker.ts";

/** Settings of a {@linkcode PrefixHasher}. */
export interface PrefixHasherOptions {
  readonly algorithm: string;
  /** The growing file, opened for reading and used by nothing else. */
  readonly file: Pick<RuntimeFile, "read">;
  /** Two buffers: one takes the next read while the other is hashed. */
  readonly buffers: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  /**
   * Whether this thread does the work. For a small file the start of another thread takes longer than the
   * work.
   *
   * @default {false}
   */
  readonly onThisThread?: boolean;
  /** Called once when the thread fails. This thread then does the work. */
  readonly onFallback: (cause: unknown) => void;
}

/**
 * Hashes the finished prefix of a file while it grows, so that little work is left at the end. The bytes were
 * written a moment ago, so their reads come from the system's cache.
 */
export class PrefixHasher {
  readonly #options: PrefixHasherOptions;
  /** A failed thread loses its buffers, so new ones are made from these sizes. */
  readonly #bufferSizes: readonly number[];
  #hasher: Hasher;
  #isLocal: boolean;
  #spare: Uint8Array<ArrayBuffer>[];
  #hashed = 0;
  #target = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: PrefixHasherOptions) {
    this.#options = options;
    this.#spare = [...options.buffers];
    this.#bufferSizes = options.buffers.map(({ length }) => length);
    this.#isLocal = options.onThisThread ?? false;
    this.#hasher = this.#create(options.algorithm);
  }

  /** Hashes up to `frontier`, the end of the finished prefix. */
  advance(frontier: number): void {
    this.#target = frontier;
    if (this.#closed || this.#hashed === this.#target) return;
    this.#running ??= this.#hashToTarget().finally(() => this.#running = undefined);
    this.#running.catch(() => {}); // finish() meets the same failure when it continues
  }

  /** Hashes the rest of the `size` bytes and returns the digest in hexadecimal. */
  async finish(size: number): Promise<string> {
    this.#target = size;
    await this.#running?.catch(() => {});
    await this.#hashToTarget();
    try {
      return await this.#hasher.digest();
    } catch (error) {
      this.#useThisThread(error);
      await this.#hashToTarget();
      return await this.#hasher.digest();
    }
  }

  /** Restarts from the first byte. */
  async restart(): Promise<void> {
    await this.close();
    this.#closed = false;
    this.#begin();
  }

  /** Stops the thread. Returns once no read of the file is pending. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#hasher.close();
    await this.#running?.catch(() => {});
  }

  async #hashToTarget(): Promise<void> {
    try {
      await this.#hashOn();
    } catch (error) {
      this.#useThisThread(error);
      await this.#hashOn();
    }
  }

  async #hashOn(): Promise<void> {
    let update: Promise<Uint8Array<ArrayBuffer>> | undefined;
    try {
      while (this.#hashed < this.#target) {
        if (this.#closed) throw new Error("Cannot hash the file: it was stopped");
        const bytes = await this.#readNext();
        if (update !== undefined) this.#recycle(await update);
        this.#hashed += bytes.length; // the next call may transfer the buffer, so count its bytes first
        update = this.#hasher.update(bytes);
        update.catch(() => {}); // it is awaited after the next read, and may fail before
      }
    } finally {
      if (update !== undefined) this.#recycle(await update);
    }
  }

  async #readNext(): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = this.#spare.at(-1)!;
    const wanted = Math.min(buffer.length, this.#target - this.#hashed);
    const length = await this.#options.file.read(buffer.subarray(0, wanted), this.#hashed);
    if (length === 0) throw new Error(`The file ends at byte ${this.#hashed}, before byte ${this.#target}`);
    this.#spare.pop();
    return buffer.subarray(0, length);
  }

  #recycle(bytes: Uint8Array<ArrayBuffer>): void {
    this.#spare.push(new Uint8Array(bytes.buffer));
  }

  #useThisThread(error: unknown): void {
    if (this.#closed || !(error instanceof HashThreadError)) throw error;
    this.#isLocal = true;
    this.#options.onFallback(error);
    this.#hasher.close();
    this.#begin();
  }

  #create(algorithm: string): Hasher {
    return this.#isLocal ? createLocalHasher(algorithm) : createHasher(algorithm);
  }

  #begin(): void {
    this.#hasher = this.#create(this.#options.algorithm);
    this.#spare = this.#bufferSizes.map((length) => new Uint8Array(length));
    this.#hashed = 0;
  }
}
