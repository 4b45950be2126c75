import { type CheckedRange, combineCrc32 } from "../lib/crc32.ts";
import { OVER } from "../lib/waiting.ts";
import type { Clock } from "../runtime/runtime.ts";
import type { Journal } from "../storage/journal/journal.ts";

/** How long entries are gathered for one write. A kill loses those of this time. */
const GATHER_MS = 20;
/** As many entries are written immediately. */
const FULL_BATCH = 64;
/** Entries that wait at most. A disk that is slower than that loses the rest to a kill, until the next checkpoint. */
const MAX_WAITING = 16 * 1024;

/** What a {@linkcode JournalWriter} works with. */
export interface JournalWriterOptions {
  readonly clock: Pick<Clock, "sleep">;
  readonly pieceSize: number;
  /** `undefined` for a sink that has no journal. */
  readonly journal: Pick<Journal, "append" | "drop"> | undefined;
  /** Called when the journal can take no more before the next checkpoint. */
  readonly onFull: () => void;
  /** Called when appending failed. Nothing more is appended before the next checkpoint. */
  readonly onFailure: (error: unknown) => void;
}

/** Gathers the ranges that were written, and appends them to the journal, one write at a time. */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  #waiting: CheckedRange[] = [];
  /** The ranges that are not among the claims of the checkpoint that is being saved. */
  #recent: CheckedRange[] | undefined;
  /** Whether ranges are appended. A journal that failed or is full takes none until the next checkpoint. */
  #isOn: boolean;
  #isClosed = false;
  #batch = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#isOn = options.journal !== undefined;
  }

  /** Adds a range that the file has. It lies within one piece. */
  add(range: CheckedRange): void {
    if (this.#options.journal === undefined || this.#isClosed) return;
    if (this.#recent !== undefined) this.#gather(this.#recent, range);
    if (!this.#isOn) return;
    this.#gather(this.#waiting, range);
    if (this.#waiting.length >= FULL_BATCH) this.#batch.abort(OVER);
    this.#writing ??= this.#write();
  }

  /**
   * Runs `save`, which saves the claims of this moment. `save` calls `recent` just before the new record takes effect.
   * It returns the ranges that came meanwhile, which are the start of the new journal.
   */
  async renew(save: (recent: () => readonly CheckedRange[]) => Promise<void>): Promise<void> {
    this.#recent = [];
    try {
      await save(() => this.#restart());
    } finally {
      this.#recent = undefined;
    }
  }

  /** Appends nothing before the next checkpoint. */
  suspend(): void {
    this.#isOn = false;
    this.#waiting = [];
  }

  /** Stops writing, and removes what was written. The ranges must not be taken for data that is there. */
  async drop(): Promise<void> {
    const { journal, onFailure } = this.#options;
    await this.close();
    await journal?.drop().catch(onFailure);
  }

  /** Stops writing. Returns once no write is pending. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#batch.abort(OVER);
    await this.#writing;
  }

  #restart(): readonly CheckedRange[] {
    const recent = this.#recent ?? [];
    this.#recent = undefined;
    this.#waiting = [];
    this.#isOn = this.#options.journal !== undefined;
    return recent;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      await this.#untilFull();
      const ranges = this.#waiting;
      this.#waiting = [];
      if (ranges.length > 0 && !this.#isClosed) await this.#append(ranges);
    }
    // Set in this turn, and not when a promise has settled. A range that is added in between would wait for ever.
    this.#writing = undefined;
  }

  /** Waits until a batch is full, but not for long. */
  async #untilFull(): Promise<void> {
    if (this.#waiting.length >= FULL_BATCH) return;
    this.#batch = new AbortController();
    const { signal } = this.#batch;
    await this.#options.clock.sleep(GATHER_MS, signal).catch(() => {}); // the batch is full
  }

  async #append(ranges: readonly CheckedRange[]): Promise<void> {
    const { journal, onFull, onFailure } = this.#options;
    try {
      const appended = await journal?.append(ranges);
      if (appended === "appended") return;
      this.suspend();
      if (appended === "full") onFull();
    } catch (error) {
      this.suspend();
      onFailure(error);
    }
  }

  /** Adds a range, joined with the one before it where that was added lately. */
  #gather(ranges: CheckedRange[], range: CheckedRange): void {
    const { start, end, crc } = range;
    const isPieceStart = start % this.#options.pieceSize === 0;
    for (
      let index = ranges.length - 1;
      !isPieceStart && index >= Math.max(0, ranges.length - FULL_BATCH);
      index--
    ) {
      const before = ranges[index]!;
      if (before.end !== start) continue;
      ranges[index] = { start: before.start, end, crc: combineCrc32(before.crc, crc, end - start) };
      return;
    }
    if (ranges.length < MAX_WAITING) ranges.push(range);
  }
}
