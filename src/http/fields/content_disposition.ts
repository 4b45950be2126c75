import { decodeExtendedName, decodePlainName } from "./encoded_name.ts";

/** Names take far less; more is not read, so that a hostile field costs little. */
const MAX_LENGTH = 8192;

/** Where a plain value ends: at the next parameter, or at another field that was joined with a comma. */
const PLAIN_END = /;|,\s*(?:(?:attachment|inline|form-data)\s*(?:[;,]|$)|filename\*?\s*=)/gi;

/** What follows a name whose closing quote is missing. */
const NEXT_PARAMETER =
  /[;,]\s*(?:(?:attachment|inline|form-data)\s*;\s*)?(?:filename\*?|size|(?:creation|modification|read)-date)\s*=/i;

/** A name and its value, and how many fields were joined before theirs. */
interface Parameter {
  readonly field: number;
  readonly name: string;
  readonly value: string;
}

/**
 * Each parameter in the order of the header. The disposition type has no `=` and is passed over: an unknown one counts
 * as `attachment` (RFC 6266, section 4.2), and so does none.
 */
function* parameters(header: string): Generator<Parameter> {
  let field = 0;
  for (let at = 0; at < header.length; at++) {
    const nameStart = at;
    while (at < header.length && !"=;,".includes(header[at]!)) at++;
    const name = header.slice(nameStart, at).trim().toLowerCase();
    if (header[at] === "=") {
      at++;
      while (header[at] === " " || header[at] === "\t") at++;
      const { value, end } = header[at] === '"' ? quotedValue(header, at + 1) : plainValue(header, at);
      yield { field, name, value };
      at = end;
      while (at < header.length && !";,".includes(header[at]!)) at++;
    }
    if (header[at] === ",") field++;
  }
}

interface Value {
  readonly value: string;
  /** Where the next separator is looked for. */
  readonly end: number;
}

/** A comma belongs to the name, unless another field begins behind it. */
function plainValue(header: string, start: number): Value {
  PLAIN_END.lastIndex = start;
  const end = PLAIN_END.exec(header)?.index ?? header.length;
  const value = header.slice(start, end).trim();
  return { value: value.replace(/^'(.*)'$/s, "$1").replace(/^([^"]+)"$/, "$1"), end };
}

/**
 * A quote ends the value where a separator follows; another one is part of a name that was not escaped. One that nobody
 * closes reaches to the next parameter, else to the end, as in browsers.
 */
function quotedValue(header: string, start: number): Value {
  let inner: number | undefined;
  let closing: number | undefined;
  for (let at = start; at < header.length && closing === undefined; at += header[at] === "\\" ? 2 : 1) {
    if (header[at] !== '"') continue;
    if (/^\s*(?:[;,]|$)/.test(header.slice(at + 1))) closing = at;
    else inner ??= at;
  }
  let end = closing ?? header.length;
  if (closing === undefined || inner !== undefined) {
    const next = NEXT_PARAMETER.exec(header.slice(start, end));
    if (next !== null) end = Math.min(inner ?? end, start + next.index);
    else if (closing === undefined) end = inner ?? end;
  }
  return { value: header.slice(start, end).replace(/\\(.?)/gs, "$1"), end };
}

/** The names that one field has for the file. */
class Names {
  #plain: string | undefined;
  #extended: string | undefined;
  #improper: string | undefined;
  /** The parts of a name that was cut in pieces (RFC 2231, section 3), which are extended where `isExtended`. */
  readonly #parts: string[] = [];
  #isExtended = false;

  add({ name, value }: Parameter): void {
    if (name === "filename") this.#plain ||= decodePlainName(value);
    if (name === "filename*") {
      const extended = decodeExtendedName(value);
      if (extended.isProper) this.#extended ||= extended.name;
      else this.#improper ||= extended.name;
    }
    const [, index, star] = /^filename\*(\d+)(\*?)$/.exec(name) ?? [];
    if (Number(index) !== this.#parts.length) return;
    if (index === "0") this.#isExtended = star === "*";
    this.#parts.push(star === "*" ? value : value.replaceAll("%", "%25"));
  }

  /** An extended one wins unless it is broken. */
  get best(): string | undefined {
    return this.#extended || this.#plain || this.#improper || this.#joined;
  }

  get #joined(): string | undefined {
    const whole = this.#parts.join("");
    return (this.#isExtended ? decodeExtendedName(whole).name : decodePlainName(whole)) || undefined;
  }
}

/**
 * The file name that a `Content-Disposition` field suggests (RFC 6266, RFC 8187), or `undefined` when it
 * has none. `filename*` wins over `filename` unless it is broken; of several, the first one counts, and of several
 * fields the first one that has a name.
 *
 * The name is what the server wrote and may be hostile: it needs sanitizing before it reaches a disk.
 */
export function fileNameFromContentDisposition(header: string): string | undefined {
  const fields: Names[] = [];
  for (const parameter of parameters(header.slice(0, MAX_LENGTH))) {
    (fields[parameter.field] ??= new Names()).add(parameter);
  }
  return fields.find((names) => names?.best !== undefined)?.best;
}
