import type { RuntimeFile } from "../runtime/runtime.ts";
import type { Claims } from "../storage/control_record.ts";
import type { ControlStore } from "../storage/control_store.ts";
import type { FileWriter } from "./file_writer.ts";
import { storageError } from "../storage/storage_error.ts";
import type { WriteBackCache } from "./write_back_cache.ts";

/** What a checkpoint is made of. */
export interface CheckpointerOptions {
  readonly cache: WriteBackCache;
  readonly writer: FileWriter;
  readonly file: RuntimeFile;
  readonly path: string;
  readonly store: ControlStore;
  /** What is in the file at this moment. */
  readonly record: () => Claims;
}

/** Makes progress durable, in an order in which the control file never claims what the disk has not. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #current: Promise<void> = Promise.resolve();
  #syncFailure: unknown;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Saves what has arrived. One save runs at a time. */
  save(): Promise<void> {
    return this.betweenSaves(() => this.#save());
  }

  /** Runs `work` while nothing is being saved. */
  betweenSaves(work: () => Promise<void>): Promise<void> {
    const done = this.#current.then(work);
    this.#current = done.catch(() => {}); // told to whoever asked for it
    return done;
  }

  async #save(): Promise<void> {
    const { cache, writer, store, record } = this.#options;
    await cache.flush().catch(() => {}); // the record has only writes that succeeded
    const written = record();
    await this.sync();
    // Without these the next run believes nothing and checks it all: right for a file that others changed.
    const info = await writer.inspect().catch(() => undefined);
    await store.save({ ...written, part: info && { identity: info.identity, modifiedMs: info.modifiedMs } });
  }

  /** Makes the data durable. After a failure a second sync may report success although the first one lost data. */
  async sync(): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure;
    try {
      await this.#options.file.sync();
    } catch (cause) {
      this.#syncFailure = storageError("sync", this.#options.path, cause);
      throw this.#syncFailure;
    }
  }
}
