import type { RuntimeFile } from "../runtime/runtime.ts";
import { createHasher, createLocalHasher, type Hasher, HashThreadError } from "./hash_worker.ts";

/** What a {@linkcode PrefixHasher} works with. */
export interface PrefixHasherOptions {
  readonly algorithm: string;
  /** The growing file, open for reading and for nobody else. */
  readonly file: Pick<RuntimeFile, "read">;
  /** Two buffers: one is read into while the other is hashed. */
  readonly buffers: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  /**
   * Whether this thread does the work: for little of it, one more is not worth its start.
   *
   * @default {false}
   */
  readonly onThisThread?: boolean;
  /** Told once when the thread fails, after which this one does the work. */
  readonly onFallback: (cause: unknown) => void;
}

/**
 * Hashes a file while it grows, from the start to wherever it is whole, so that little is left to do at
 * the end. What it reads was written a moment ago and comes from the system's cache.
 */
export class PrefixHasher {
  readonly #options: PrefixHasherOptions;
  /** The buffers themselves may be lost with a thread. */
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

  /** The file is whole up to `frontier`. */
  advance(frontier: number): void {
    this.#target = frontier;
    if (this.#closed || this.#hashed === this.#target) return;
    this.#running ??= this.#hashToTarget().finally(() => this.#running = undefined);
    this.#running.catch(() => {}); // finish() meets the same failure when it goes on from here
  }

  /** Hashes what is left of the `size` bytes and returns the digest in hexadecimal. */
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

  /** Starts again from the first byte. */
  async restart(): Promise<void> {
    await this.close();
    this.#closed = false;
    this.#begin();
  }

  /** Stops the thread, and returns once the file is no longer read. */
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
        if (update !== undefined) this.#takeBack(await update);
        this.#hashed += bytes.length; // the bytes leave with the next call
        update = this.#hasher.update(bytes);
        update.catch(() => {}); // it is awaited after the next read, and may fail during that
      }
    } finally {
      if (update !== undefined) this.#takeBack(await update);
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

  #takeBack(bytes: Uint8Array<ArrayBuffer>): void {
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
