import type { CheckedRange } from "../lib/crc32.ts";
import type { Claims } from "../storage/control_record.ts";
import { storageError } from "../storage/storage_error.ts";
import type { JournalWriter } from "./journal_writer.ts";
import type { Sink } from "./sink.ts";
import type { WriteBackCache } from "./write_back_cache.ts";

/** What a {@linkcode Checkpointer} works with. */
export interface CheckpointerOptions {
  readonly cache: Pick<WriteBackCache, "flush">;
  readonly sink: Pick<Sink, "path" | "sync" | "save">;
  readonly journal: Pick<JournalWriter, "renew" | "drop">;
  /** The bytes that the sink has at this moment. */
  readonly claims: () => Claims;
  /** The claims of an earlier run that were not checked at this moment. */
  readonly unproven: () => readonly CheckedRange[];
}

/**
 * Makes progress durable: first the data and then the control file. So the control file never claims bytes that are
 * not on disk.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #current: Promise<void> = Promise.resolve();
  #syncFailure: { readonly error: unknown } | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Saves the progress. One save runs at a time. */
  save(): Promise<void> {
    return this.betweenSaves(() => this.#save());
  }

  /** Runs `work` while no save runs. */
  betweenSaves(work: () => Promise<void>): Promise<void> {
    const done = this.#current.then(work);
    this.#current = done.catch(() => {}); // the caller has `done`
    return done;
  }

  async #save(): Promise<void> {
    const { cache, sink, journal } = this.#options;
    await cache.flush().catch(() => {}); // the claims have only writes that succeeded
    const [claims, unproven] = [this.#options.claims(), this.#options.unproven()];
    await journal.renew(async (recent) => {
      await this.sync();
      await sink.save(claims, { unproven, recent });
    });
  }

  /** Makes the data durable. A failure is final: a second sync may report success although the first one lost data. */
  async sync(): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure.error;
    const { sink, journal } = this.#options;
    try {
      await sink.sync();
    } catch (cause) {
      const error = storageError("sync", sink.path, cause);
      this.#syncFailure = { error };
      await journal.drop(); // the next run could read the bytes from the cache and find them right
      throw error;
    }
  }
}
