import type { RuntimeFile } from "../runtime/runtime.ts";
import type { ControlRecord } from "./control_format.ts";
import type { ControlStore } from "./control_store.ts";
import { storageError } from "./storage_error.ts";
import type { WriteBackCache } from "./write_back_cache.ts";

/** What a checkpoint is made of. */
export interface CheckpointerOptions {
  readonly cache: WriteBackCache;
  readonly file: RuntimeFile;
  readonly path: string;
  readonly store: ControlStore;
  /** What is in the file at this moment. */
  readonly record: () => ControlRecord;
}

/** Makes progress durable, in an order in which the control file never claims what the disk has not. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #current: Promise<void> | undefined;
  #failure: unknown;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /**
   * Saves what has arrived. After a failure every further call fails: a second sync may report success
   * although the first one lost data.
   */
  async save(): Promise<void> {
    await this.#current?.catch(() => {}); // kept in #failure
    if (this.#failure !== undefined) throw this.#failure;
    this.#current = this.#save();
    try {
      await this.#current;
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#current = undefined;
    }
  }

  async #save(): Promise<void> {
    const { cache, file, path, store, record } = this.#options;
    await cache.flush();
    const written = record();
    try {
      await file.sync();
    } catch (cause) {
      throw storageError("sync", path, cause);
    }
    await store.save(written);
  }
}
