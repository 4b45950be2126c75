import { ControlFileError } from "../errors.ts";
import type { CheckedRange } from "../lib/crc32.ts";
import type { OutputNames } from "../lib/output_names.ts";
import type { FileLock, Runtime, RuntimeFile } from "../runtime/runtime.ts";
import { decodeControl, type DecodedControl, emptyJournal, encodeControl } from "./control_format.ts";
import type { ControlRecord } from "./control_record.ts";
import {
  grown,
  Journal,
  type JournalExtent,
  type JournalStart,
  MAX_JOURNAL_BYTES,
} from "./journal/journal.ts";
import { encodeEntries } from "./journal/journal_format.ts";
import { ForeignFileError, inTheWay, openOwn, removeOwn, requireReplaceable } from "./own_file.ts";
import { syncNames } from "./paths.ts";
import { storageError } from "./storage_error.ts";
import { createTemporary } from "./temporary_file.ts";

/** The result of looking for a control file. */
export type LoadedControl = DecodedControl | { readonly kind: "missing" };

const MAX_FILE_BYTES = 8 * 1024 * 1024 + MAX_JOURNAL_BYTES;

const NO_ENTRIES: JournalStart = { unproven: [], recent: () => [] };

/** Reads, writes and removes the control file of an output. Only the owner of the output's lock may change it. */
export class ControlStore {
  /** What was written since the latest `save()`. */
  readonly journal: Journal;
  readonly #runtime: Runtime;
  readonly #names: OutputNames;
  readonly #lock: Pick<FileLock, "owner"> | undefined;

  /**
   * Without a lock the store only reads. The file may then belong to another user, so its content must not be
   * trusted.
   */
  constructor(runtime: Runtime, names: OutputNames, lock?: Pick<FileLock, "owner">) {
    this.#runtime = runtime;
    this.#names = names;
    this.#lock = lock;
    this.journal = new Journal({ files: runtime.files, path: names.control, owner: lock?.owner });
  }

  get #owner(): number | undefined {
    return this.#lock?.owner;
  }

  /** Reads the control file. With `overwrite`, a control file of another user counts as missing. */
  async load(overwrite = false): Promise<LoadedControl> {
    try {
      const bytes = await this.#read();
      if (bytes === undefined) return { kind: "missing" };
      const decoded = decodeControl(bytes, this.#names.control);
      this.journal.continueAt(decoded.kind === "record" ? decoded.extent : undefined);
      return decoded;
    } catch (cause) {
      if (!(cause instanceof ForeignFileError)) {
        throw storageError("read the control file", this.#names.control, cause);
      }
      if (overwrite) return { kind: "missing" };
      throw inTheWay(this.#names.control, cause.message);
    }
  }

  /**
   * Replaces the control file atomically and durably, with the first entries of its journal, so that no kill can lose
   * them. When that fails, the old file stays.
   */
  async save(record: ControlRecord, { unproven, recent }: JournalStart = NO_ENTRIES): Promise<void> {
    const { files } = this.#runtime;
    const { control, directory, temporary } = this.#names;
    try {
      const bytes = encodeControl(record);
      const empty = emptyJournal(bytes);
      const file = await this.#writeTemporary(bytes, encodeEntries(unproven, empty.seed));
      await this.journal.renew(async () => {
        const synced = grown(empty, unproven.length);
        const extent = await writeEntries(file, synced, recent());
        await files.rename(temporary, control);
        return { ...extent, synced: synced.end };
      });
      await syncNames(files, directory);
    } catch (cause) {
      await removeOwn(files, temporary, this.#owner).catch(() => {}); // the failure that counts is `cause`
      throw storageError("save the control file", control, cause);
    }
  }

  /** Renames an unusable control file and returns its new name. */
  async setAside(): Promise<string> {
    const { control, damaged } = this.#names;
    try {
      await this.journal.end();
      await requireReplaceable(this.#runtime.files, damaged, this.#owner);
      await this.#runtime.files.rename(control, damaged);
    } catch (cause) {
      throw storageError("set aside", control, cause);
    }
    return damaged;
  }

  async remove(): Promise<void> {
    const { files } = this.#runtime;
    try {
      await this.journal.end();
      await files.remove(this.#names.control);
      await removeOwn(files, this.#names.temporary, this.#owner);
    } catch (cause) {
      throw storageError("remove", this.#names.control, cause);
    }
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { control } = this.#names;
    const named = await this.#runtime.files.lstat(control);
    if (named === undefined) return undefined;
    if (named.kind !== "file") {
      throw new ControlFileError(control, `Cannot use "${control}": it is not a regular file; remove it`);
    }
    const file = await this.#open();
    if (file === undefined) return undefined;
    try {
      const info = await file.stat();
      if (info.size > MAX_FILE_BYTES) return new Uint8Array(0);
      const bytes = new Uint8Array(info.size);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = await file.read(bytes.subarray(length), length);
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<RuntimeFile | undefined> {
    const { files } = this.#runtime;
    const { control } = this.#names;
    if (this.#lock === undefined) return await files.open(control, "read-own");
    return (await openOwn(files, control, "read-own", this.#owner))?.file;
  }

  /** Returns the file open. */
  async #writeTemporary(record: Uint8Array, entries: Uint8Array): Promise<RuntimeFile> {
    const file = await createTemporary(this.#runtime.files, this.#names.temporary, this.#owner);
    try {
      await file.write(record, 0);
      if (entries.length > 0) await file.write(entries, record.length);
      await file.sync();
      return file;
    } catch (cause) {
      await file.close().catch(() => {}); // the failure that counts is `cause`
      throw cause;
    }
  }
}

/** Writes entries at the end of a journal and closes the file. */
async function writeEntries(
  file: RuntimeFile,
  extent: JournalExtent,
  ranges: readonly CheckedRange[],
): Promise<JournalExtent> {
  try {
    if (ranges.length > 0) await file.write(encodeEntries(ranges, extent.seed), extent.end);
  } finally {
    await file.close();
  }
  return grown(extent, ranges.length);
}
