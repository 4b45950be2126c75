import type { CheckedRange } from "../lib/crc32.ts";
import { OVER } from "../lib/waiting.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Checkpointer } from "../sink/checkpoint.ts";
import { JournalWriter } from "../sink/journal_writer.ts";
import type { Sink } from "../sink/sink.ts";
import type { WriteBackCache } from "../sink/write_back_cache.ts";
import type { Claims } from "../storage/control_record.ts";
import type { Logger, RemoteFile, Validator } from "../types.ts";
import type { Progress } from "./progress.ts";
import type { Start } from "./start.ts";

/**
 * The first save comes after this fraction of the usual interval, so that a run that loses power early keeps some
 * progress.
 */
const FIRST_INTERVAL = 1 / 8;
/** How often received bytes are written that do not fill a block yet. A kill loses those of twice this time. */
const WRITE_MS = 50;

/** What a {@linkcode ProgressSaver} works with. */
export interface ProgressSaverOptions {
  readonly runtime: Runtime;
  readonly spec: Pick<ResolvedSpec, "controlSaveIntervalMs">;
  readonly log: Logger;
  readonly progress: Pick<Progress, "fetched">;
  readonly start: Pick<Start, "version" | "named" | "proof" | "identity"> & {
    readonly remote: Pick<RemoteFile, "acceptsRanges" | "size">;
    readonly sink: Pick<Sink, "path" | "journal" | "sync" | "save">;
  };
  readonly cache: Pick<WriteBackCache, "flush" | "flushStale">;
  readonly pieces: PieceMap;
}

/** Saves progress for a later run: written ranges in the journal, and everything in regular checkpoints. */
export class ProgressSaver {
  readonly checkpointer: Checkpointer;
  readonly #options: ProgressSaverOptions;
  readonly #journal: JournalWriter;
  /** The version that the control file names. */
  #named: Validator;
  #due = new AbortController();

  constructor(options: ProgressSaverOptions) {
    const { runtime: { clock }, log, start: { sink, named }, cache, pieces: { pieceSize } } = options;
    this.#options = options;
    this.#named = named;
    this.#journal = new JournalWriter({
      ...{ clock, pieceSize, journal: sink.journal },
      onFull: () => this.#due.abort(OVER),
      onFailure: (error) =>
        log("warn", `${error}; a kill may lose what was fetched since the last checkpoint`),
    });
    this.checkpointer = new Checkpointer({
      ...{ cache, sink, journal: this.#journal, claims: () => this.#claims() },
      unproven: () => [...options.start.proof?.unproven() ?? []],
    });
  }

  /** Adds a range that the sink has. */
  add(range: CheckedRange): void {
    const { version } = this.#options.start;
    if (!this.#hasJournal) return;
    // The control file must not name a version for bytes that may be of another.
    if (isSame(this.#named, version.recorded)) this.#journal.add(range);
    else this.#due.abort(OVER);
  }

  /** Saves progress regularly until `signal` is aborted. The first intervals are shorter. */
  async saveRegularly(signal: AbortSignal): Promise<void> {
    const { remote: { acceptsRanges }, sink } = this.#options.start;
    if (!acceptsRanges) return;
    if (sink.journal === undefined) return await this.#saveOften(signal);
    const ended = new AbortController();
    const writing = this.#writeOften(AbortSignal.any([signal, ended.signal]));
    try {
      await this.#saveOften(signal);
    } finally {
      ended.abort(OVER);
      await writing;
    }
  }

  /**
   * Runs `discard`, which removes all bytes, while no save runs. Then saves that there are none: the old claims would
   * hide those of the bytes that are fetched instead, and a hole would agree with the claim of zeros.
   */
  async startOver(discard: () => Promise<void>): Promise<void> {
    await this.checkpointer.betweenSaves(async () => {
      await discard();
      this.#journal.suspend();
    });
    if (this.#hasJournal) await this.checkpointer.save();
  }

  /** Stops the journal. */
  close(): Promise<void> {
    return this.#journal.close();
  }

  /** Whether a later run can use what a kill leaves. */
  get #hasJournal(): boolean {
    const { remote: { acceptsRanges, size }, sink } = this.#options.start;
    return sink.journal !== undefined && acceptsRanges && size !== undefined;
  }

  async #saveOften(signal: AbortSignal): Promise<void> {
    const { spec: { controlSaveIntervalMs }, progress } = this.#options;
    // Received bytes count, and not written ones. A slow connection takes long to fill a block, and a save writes
    // the block early.
    let saved = progress.fetched;
    for (let part = FIRST_INTERVAL;; part = Math.min(1, part * 2)) {
      await this.#untilDue(controlSaveIntervalMs * part, signal);
      if (progress.fetched === saved) continue;
      saved = progress.fetched;
      await this.checkpointer.save();
    }
  }

  /** Waits for the next save, which comes early where the journal needs a new record. */
  async #untilDue(ms: number, signal: AbortSignal): Promise<void> {
    this.#due = new AbortController();
    await this.#options.runtime.clock.sleep(ms, AbortSignal.any([signal, this.#due.signal])).catch(() => {
      signal.throwIfAborted();
    });
  }

  async #writeOften(signal: AbortSignal): Promise<void> {
    const { runtime: { clock }, cache } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(WRITE_MS, signal).catch(() => {}); // the loop ends
      cache.flushStale();
    }
  }

  #claims(): Claims {
    const { start: { identity, version }, pieces } = this.#options;
    if (!isSame(this.#named, version.recorded)) this.#journal.suspend();
    this.#named = version.recorded;
    return {
      file: { ...identity, validator: this.#named },
      progress: { pieceSize: pieces.pieceSize, ...pieces.snapshot() },
    };
  }
}

function isSame(one: Validator, other: Validator): boolean {
  return one === other ||
    one.etag === other.etag && one.lastModified === other.lastModified &&
      (one.isYoung ?? false) === (other.isYoung ?? false);
}
