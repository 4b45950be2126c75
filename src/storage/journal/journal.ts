import type { CheckedRange } from "../../lib/crc32.ts";
import type { FileSystem, RuntimeFile } from "../../runtime/runtime.ts";
import { openOwn } from "../own_file.ts";
import { storageError } from "../storage_error.ts";
import { encodeEntries, ENTRY_BYTES, SEED_OFFSET } from "./journal_format.ts";

/** The most bytes of a journal. */
export const MAX_JOURNAL_BYTES: number = 16 * 1024 * 1024;

/** The most entries with which a journal may start, so that it has room for as many. */
export const MAX_UNPROVEN: number = Math.floor(MAX_JOURNAL_BYTES / 2 / ENTRY_BYTES);

/** The first entries of a journal. */
export interface JournalStart {
  /** Claims of an earlier run that were not checked yet, at most `MAX_UNPROVEN`. They are as durable as the record. */
  readonly unproven: readonly CheckedRange[];
  /** Returns the ranges that were written since the progress of the record was read. */
  readonly recent: () => readonly CheckedRange[];
}

/** The extent of a journal. */
export interface JournalExtent {
  /** The CRC-32 of the control record before the journal. */
  readonly seed: number;
  /** Its offset in the control file. */
  readonly start: number;
  /** The end of the entries that were synced with the record. Those of an earlier run do not count. */
  readonly synced: number;
  /** The offset of the next entry. */
  readonly end: number;
}

/**
 * The result of appending. A `full` journal needs a new record first. There is `none` behind a record without a
 * journal, and after a failure.
 */
export type Appended = "appended" | "full" | "none";

/** What a {@linkcode Journal} works with. */
export interface JournalOptions {
  readonly files: FileSystem;
  /** The control file. */
  readonly path: string;
  readonly owner: number | undefined;
}

/**
 * The entries behind the record in a control file: ranges that were written since the record was saved. They are
 * never synced, so that only a power loss can lose them. A new record starts an empty journal.
 */
export class Journal {
  readonly #options: JournalOptions;
  #extent: JournalExtent | undefined;
  /** Whether nothing can follow: the bytes at its end are not known, or its record could not be replaced. */
  #isBroken = false;
  #file: RuntimeFile | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Continues a journal that was read. `undefined` when the control file has none. */
  continueAt(extent: JournalExtent | undefined): void {
    this.#extent = extent;
    this.#isBroken = false;
  }

  /** Appends entries: all of them or none. */
  append(ranges: readonly CheckedRange[]): Promise<Appended> {
    return this.#alone(async () => {
      const extent = this.#extent;
      if (extent === undefined || this.#isBroken) return "none";
      const next = grown(extent, ranges.length);
      if (next.end - next.start > MAX_JOURNAL_BYTES) return "full";
      this.#isBroken = true;
      try {
        this.#file ??= await this.#open(extent);
        if (this.#file === undefined) return "none";
        await this.#file.write(encodeEntries(ranges, extent.seed), extent.end);
      } catch (cause) {
        throw storageError("extend the journal in", this.#options.path, cause);
      }
      this.#isBroken = false;
      this.#extent = next;
      return "appended";
    });
  }

  /**
   * Runs `replace`, which gives the control file a new record. Nothing is appended meanwhile, and the file is closed.
   * When it fails, nothing follows: later ranges may be of a version that the old record does not name.
   */
  renew(replace: () => Promise<JournalExtent>): Promise<void> {
    return this.#alone(async () => {
      this.#isBroken = true;
      await this.#close();
      this.continueAt(await replace());
    });
  }

  /**
   * Removes the entries that were not synced, for data that may have been lost although it can still be read. Nothing
   * can follow.
   */
  drop(): Promise<void> {
    return this.#alone(async () => {
      const extent = this.#extent;
      this.#extent = undefined;
      if (extent === undefined) return;
      try {
        this.#file ??= await this.#open(extent);
        await this.#file?.truncate(extent.synced);
      } catch (cause) {
        throw storageError("empty the journal in", this.#options.path, cause);
      }
    });
  }

  /** Ends the journal, for a control file that is removed, renamed or left to a later run. */
  end(): Promise<void> {
    return this.#alone(async () => {
      this.#extent = undefined;
      await this.#close();
    });
  }

  /** `undefined` when the control file is gone, was cut, or has another record. */
  async #open({ seed, end }: JournalExtent): Promise<RuntimeFile | undefined> {
    const { files, path, owner } = this.#options;
    const opened = await openOwn(files, path, "read-write", owner);
    if (opened === undefined) return undefined;
    const { file, info } = opened;
    let isOurs = false;
    try {
      isOurs = info.size >= end && await seedOf(file) === seed;
    } finally {
      if (!isOurs) await file.close();
    }
    return isOurs ? file : undefined;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {}); // entries may be lost, and the next run does without them
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {}); // the caller has `done`
    return done;
  }
}

/** The extent of a journal with `count` more entries. */
export function grown(extent: JournalExtent, count: number): JournalExtent {
  return { ...extent, end: extent.end + count * ENTRY_BYTES };
}

/** The CRC-32 of the record in a control file. */
async function seedOf(file: RuntimeFile): Promise<number | undefined> {
  const bytes = new Uint8Array(4);
  const length = await file.read(bytes, SEED_OFFSET);
  return length < bytes.length ? undefined : new DataView(bytes.buffer).getUint32(0);
}
