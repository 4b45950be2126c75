/** A file to fetch, as a list has it. */
export interface ListEntry {
  /** Number of its first line, from 1. */
  readonly line: number;
  /** Alternatives for the same file, at least one, not judged yet. */
  readonly urls: readonly string[];
  readonly options: readonly ListOption[];
  /** What is wrong with one of its lines, and with which. */
  readonly fault?: { readonly line: number; readonly reason: string };
}

/** An option below an entry, not judged yet. */
export interface ListOption {
  readonly line: number;
  readonly name: string;
  readonly value: string;
}

type Draft = { -readonly [K in keyof ListEntry]: ListEntry[K] } & { readonly options: ListOption[] };

/** A longer line is no URL and no option; it is not kept. */
const MAX_LINE_LENGTH = 65_536;
const TOO_LONG = `it has more than ${MAX_LINE_LENGTH} characters`;
/** Characters in the options of one entry, each option counted with some for itself. */
const MAX_OPTIONS_LENGTH = 131_072;
const OPTION_LENGTH = 32;
const TOO_MANY = `with it the options of the entry have more than ${MAX_OPTIONS_LENGTH} characters`;
const MARK = "\uFEFF";

/** Why a line is no text; such a character is no part of a URL or an option either. */
const NO_TEXT: readonly [character: string, reason: string][] = [
  ["\0", "it has NUL characters, which a list in UTF-8 has not; is a part of it UTF-16?"],
  ["\uFFFD", "it has bytes that are not UTF-8; is it Latin-1? Save the list as UTF-8"],
  [
    MARK,
    "it has a byte order mark in the middle, as where a list without an end of line stands before another",
  ],
];

/**
 * Reads lists as aria2 does: a line for each file, in it URLs with tabs between them, and below it lines that begin with
 * a blank, each with an option `name=value`. Empty lines and those that begin with `#` say nothing. A line ends in LF, CR
 * LF or CR, and may begin with a byte order mark, as where lists were joined.
 */
export class ListParser {
  #rest = "";
  #isCut = false;
  #endsInReturn = false;
  #line = 0;
  #entry: Draft | undefined;
  #optionsLength = 0;

  /** Takes the next part of the text, and returns the entries that end in it. */
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

  /** Returns what is left at the end of the text. */
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
      const reason = "it begins with a blank, as an option does, and stands above the first URL";
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
