/** An entry of a list: a file to fetch. */
export interface ListEntry {
  /** Number of the entry's first line, from 1. */
  readonly line: number;
  /** Alternative URLs of the same file, at least one. They are not checked yet. */
  readonly urls: readonly string[];
  readonly options: readonly ListOption[];
  /** What is wrong with a line of the entry, and the number of that line. */
  readonly fault?: { readonly line: number; readonly reason: string };
}

/** An option below an entry. It is not checked yet. */
export interface ListOption {
  readonly line: number;
  readonly name: string;
  readonly value: string;
}

type Draft = { -readonly [K in keyof ListEntry]: ListEntry[K] } & { readonly options: ListOption[] };

/** The most characters in a line. A longer line is neither a URL nor an option, and is dropped. */
const MAX_LINE_LENGTH = 65_536;
const TOO_LONG = `it has more than ${MAX_LINE_LENGTH} characters`;
/** The most characters in the options of one entry. Each option adds a few to its own length. */
const MAX_OPTIONS_LENGTH = 131_072;
const OPTION_LENGTH = 32;
const TOO_MANY = `with it the options of the entry have more than ${MAX_OPTIONS_LENGTH} characters`;
const MARK = "\uFEFF";

/** Characters that show that a line is not text, and the reason for each. No URL or option has such a character. */
const NO_TEXT: readonly [character: string, reason: string][] = [
  ["\0", "it has NUL characters, which UTF-8 text does not have; is a part of it UTF-16?"],
  ["\uFFFD", "it has bytes that are not UTF-8; is it Latin-1? Save the list as UTF-8"],
  [
    MARK,
    "it has a byte order mark in the middle, as where a list without an end of line stands before another",
  ],
];

/**
 * Parses lists as aria2 does. Each file has a line with its URLs, separated by tabs. The lines below it that start
 * with a blank are its options, each `name=value`. Empty lines and lines that start with `#` are skipped. A line
 * ends in LF, CR LF or CR. It may start with a byte order mark, as in lists that were joined.
 */
export class ListParser {
  #rest = "";
  #isCut = false;
  #endsInReturn = false;
  #line = 0;
  #entry: Draft | undefined;
  #optionsLength = 0;

  /** Parses the next part of the text and returns the entries that end in it. */
  push(text: string): ListEntry[] {
    if (text === "") return [];
    const lines = (this.#endsInReturn && text.startsWith("\n") ? text.slice(1) : text).split(/\r\n?|\n/);
    this.#endsInReturn = text.endsWith("\r");
    const entries: ListEntry[] = [];
    for (const [index, part] of lines.entries()) {
      this.#rest += part;
      if (this.#rest.length > MAX_LINE_LENGTH) {
        this.#isCut = true;
        this.#rest = this.#rest.slice(0, 1);
      }
      if (index < lines.length - 1) this.#endLine(entries);
    }
    return entries;
  }

  /** Returns the last entries at the end of the text. */
  end(): ListEntry[] {
    const entries: ListEntry[] = [];
    this.#endLine(entries);
    if (this.#entry !== undefined) entries.push(this.#entry);
    return entries;
  }

  #endLine(entries: ListEntry[]): void {
    const line = ++this.#line;
    const text = this.#rest.replace(/^\uFEFF+/, "");
    const isCut = this.#isCut;
    this.#rest = "";
    this.#isCut = false;
    const said = text.trim();
    if (said === "" || said.startsWith("#")) return;
    const problem = isCut ? TOO_LONG : NO_TEXT.find(([character]) => said.includes(character))?.[1];
    if (/^\s/.test(text)) return this.#addOption(line, said, problem, entries);
    if (this.#entry !== undefined) entries.push(this.#entry);
    this.#optionsLength = 0;
    this.#entry = problem === undefined
      ? { line, urls: said.split("\t").map((url) => url.trim()).filter((url) => url !== ""), options: [] }
      : { line, urls: [], options: [], fault: { line, reason: problem } };
  }

  #addOption(line: number, said: string, problem: string | undefined, entries: ListEntry[]): void {
    const equals = said.indexOf("=");
    if (this.#entry === undefined) {
      const reason = "it starts with a blank, as an option does, but is above the first URL";
      entries.push({ line, urls: [], options: [], fault: { line, reason } });
    } else if (this.#entry.fault !== undefined) {
      return;
    } else if (problem !== undefined) {
      this.#entry.fault = { line, reason: problem };
    } else if (equals === -1) {
      this.#entry.fault = { line, reason: "expected an option such as out=NAME" };
    } else {
      this.#optionsLength += said.length + OPTION_LENGTH;
      if (this.#optionsLength > MAX_OPTIONS_LENGTH) {
        this.#entry.fault = { line, reason: TOO_MANY };
        this.#entry.options.length = 0;
      } else {
        const [name, value] = [said.slice(0, equals).trimEnd(), said.slice(equals + 1).trimStart()];
        this.#entry.options.push({ line, name, value });
      }
    }
  }
}
