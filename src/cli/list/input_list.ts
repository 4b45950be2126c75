import type { CheckedSpec } from "../../options/resolved_options.ts";
import type { CliHost } from "../../runtime/console/console.ts";
import { EntryOptionError, readEntryOptions } from "./entry_options.ts";
import { inFlags } from "../flags/in_flags.ts";
import type { SpecFor } from "../inputs/specs_for.ts";
import type { ListEntry } from "./list_parser.ts";
import { decodeList } from "./list_text.ts";
import { ListReader } from "./list_reader.ts";
import { UsageError } from "../flags/usage_error.ts";
import { reasonOf } from "../flags/value_reader.ts";

/** A file that a list names. */
export interface ListItem {
  /** Number of the file's line, from 1. */
  readonly line: number;
  /** `NAME:LINE` of that line, or of the line that is wrong. */
  readonly place: string;
  /** The specs of alternative URLs, best first, or the error that explains why there are none. */
  readonly specs: CheckedSpec[] | UsageError;
}

/** The most characters in a message about a wrong line. The line may be very long. */
const MAX_REASON_LENGTH = 500;

/** A list of files to fetch. It is read while the files are fetched. */
export class InputList {
  readonly #name: string;
  readonly #reader: ListReader;
  readonly #specFor: SpecFor;
  readonly #unused = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(name: string, reader: ListReader, specFor: SpecFor) {
    this.#name = name;
    this.#reader = reader;
    this.#specFor = specFor;
  }

  /**
   * Opens a list; `-` is standard input. The start of the list is checked before anything is fetched. Rejects with a
   * {@linkcode UsageError} where the list cannot be read or its start is wrong.
   */
  static async open(path: string, host: CliHost, specFor: SpecFor): Promise<InputList> {
    const isStdin = path === "-";
    const reader = new ListReader(decodeList(isStdin ? host.readStdinChunks() : host.readChunks(path)));
    const list = new InputList(isStdin ? "<stdin>" : path, reader, specFor);
    let start: readonly ListEntry[];
    try {
      start = await reader.peek(isStdin);
    } catch (error) {
      throw new UsageError(`Cannot use --input-file ${JSON.stringify(path)}: ${reasonOf(error)}`);
    }
    if (start.length === 0) {
      throw new UsageError(`Cannot use --input-file ${JSON.stringify(path)}: it names no URL`);
    }
    for (const { place, specs } of start.map((entry) => list.#judge(entry))) {
      if (!(specs instanceof UsageError)) continue;
      reader.close();
      throw new UsageError(`${place}: ${specs.message}`);
    }
    return list;
  }

  /** How many files the list names. It is known once the list was read to its end. */
  get total(): number | undefined {
    return this.#reader.total;
  }

  /** Whether all entries were taken. */
  get isAllTaken(): boolean {
    return this.#reader.total === this.#reader.taken;
  }

  /** Options of aria2 without effect that were read so far. */
  get unusedOptions(): readonly string[] {
    return [...this.#unused];
  }

  /** Takes the next file; `undefined` at the end. Rejects once when the list cannot be read. */
  take(): Promise<ListItem | undefined> {
    const taken = this.#last.then(() => this.#reader.take());
    this.#last = taken.catch(() => {}); // the caller of that take() gets the failure
    return taken.then(
      (entry) => entry && this.#judge(entry),
      (error) => {
        throw new Error(`Cannot read the rest of ${JSON.stringify(this.#name)}: ${reasonOf(error)}`);
      },
    );
  }

  /** Closes the list before its end. */
  close(): void {
    this.#reader.close();
  }

  #judge(entry: ListEntry): ListItem {
    const { line } = entry;
    const placeOf = (number: number) => `${this.#name}:${number}`;
    try {
      return { line, place: placeOf(line), specs: this.#specsOf(entry) };
    } catch (error) {
      const wrong = error instanceof EntryOptionError ? error.line : entry.fault?.line ?? line;
      const text = inFlags(error);
      const shown = text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text;
      return { line, place: placeOf(wrong), specs: new UsageError(shown) };
    }
  }

  #specsOf({ urls, options, fault }: ListEntry): CheckedSpec[] {
    if (fault !== undefined) throw new UsageError(`Cannot use the line: ${fault.reason}`);
    const own = readEntryOptions(options);
    for (const name of own.unused) this.#unused.add(name);
    return urls.map((url) => this.#specFor(url, own));
  }
}
