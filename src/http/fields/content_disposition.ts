import { decodeExtendedName, decodePlainName } from "./encoded_name.ts";

/** Names are far shorter. The rest is not read, so that a hostile field takes little time. */
const MAX_LENGTH = 8192;

/** End of a plain value: the next parameter, or another field that was joined with a comma. */
const PLAIN_END = /;|,\s*(?:(?:attachment|inline|form-data)\s*(?:[;,]|$)|filename\*?\s*=)/gi;

/** The next parameter after a name without a closing quote. */
const NEXT_PARAMETER =
  /[;,]\s*(?:(?:attachment|inline|form-data)\s*;\s*)?(?:filename\*?|size|(?:creation|modification|read)-date)\s*=/i;

/** A name, its value, and the number of joined fields before its own. */
interface Parameter {
  readonly field: number;
  readonly name: string;
  readonly value: string;
}

/**
 * Each parameter in the order of the header. The disposition type has no `=` and is skipped: an unknown or
 * missing type counts as `attachment` (RFC 6266, section 4.2).
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
  /** Offset from which the next separator is searched. */
  readonly end: number;
}

/** A comma belongs to the name, unless another field begins after it. */
function plainValue(header: string, start: number): Value {
  PLAIN_END.lastIndex = start;
  const end = PLAIN_END.exec(header)?.index ?? header.length;
  const value = header.slice(start, end).trim();
  return { value: value.replace(/^'(.*)'$/s, "$1").replace(/^([^"]+)"$/, "$1"), end };
}

/**
 * A quote ends the value if a separator follows; any other quote is an unescaped part of the name. A value
 * without a closing quote ends at the next parameter or at the end of the field, as in browsers.
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

/** The file names in one field. */
class Names {
  #plain: string | undefined;
  #extended: string | undefined;
  #improper: string | undefined;
  /** The parts of a split name (RFC 2231, section 3). With `#isExtended` the name is an extended one. */
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

  /** The extended name, unless it is malformed; then the plain one. */
  get best(): string | undefined {
    return this.#extended || this.#plain || this.#improper || this.#joined;
  }

  get #joined(): string | undefined {
    const joined = this.#parts.join("");
    return (this.#isExtended ? decodeExtendedName(joined).name : decodePlainName(joined)) || undefined;
  }
}

/**
 * The file name that a `Content-Disposition` field suggests (RFC 6266, RFC 8187); `undefined` when it has
 * none. `filename*` has priority over `filename`, unless it is malformed. Of several parameters the first
 * counts; of several fields, the first with a name.
 *
 * The server wrote the name, which may be hostile: sanitize it before it is used on a disk.
 */
export function fileNameFromContentDisposition(header: string): string | undefined {
  const fields: Names[] = [];
  for (const parameter of parameters(header.slice(0, MAX_LENGTH))) {
    (fields[parameter.field] ??= new Names()).add(parameter);
  }
  return fields.find((names) => names?.best !== undefined)?.best;
}
