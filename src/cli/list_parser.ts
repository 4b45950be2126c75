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

/**
 * Reads lists as aria2 does: a line for each file, in it URLs with tabs between them, and below it lines that begin with
 * a blank, each with an option `name=value`. Empty lines and those that begin with `#` say nothing.
 */
export class ListParser {
  #rest = "";
  #isCut = false;
  #line = 0;
  #entry: Draft | undefined;

  /** Takes the next part of the text, and returns the entries that end in it. */
  push(text: string): ListEntry[] {
    const lines = text.split("\n");
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
    const text = this.#rest;
    const isCut = this.#isCut;
    this.#rest = "";
    this.#isCut = false;
    const said = text.trim();
    if (said === "" || said.startsWith("#")) return;
    if (/^\s/.test(text)) return this.#addOption(line, said, isCut, entries);
    if (this.#entry !== undefined) entries.push(this.#entry);
    this.#entry = isCut
      ? { line, urls: [], options: [], fault: { line, reason: TOO_LONG } }
      : { line, urls: said.split("\t").map((url) => url.trim()).filter((url) => url !== ""), options: [] };
  }

  #addOption(line: number, said: string, isCut: boolean, entries: ListEntry[]): void {
    const [, name, value] = /^([^=]*?)\s*=\s*(.*)$/s.exec(said) ?? [];
    if (this.#entry === undefined) {
      const reason = "it begins with a blank, as an option does, and stands above the first URL";
      entries.push({ line, urls: [], options: [], fault: { line, reason } });
    } else if (isCut) {
      this.#entry.fault ??= { line, reason: TOO_LONG };
    } else if (name === undefined || value === undefined) {
      this.#entry.fault ??= { line, reason: "expected an option such as out=NAME" };
    } else {
      this.#entry.options.push({ line, name, value });
    }
  }
}
