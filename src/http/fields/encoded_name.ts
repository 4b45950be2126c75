/** A name from a `filename*` parameter. */
export interface ExtendedName {
  readonly name: string;
  /** Whether it conforms to RFC 8187. If not, a plain name is better. */
  readonly isProper: boolean;
}

/** Encoded words of mail (RFC 2047), perhaps with a language (RFC 2231), with only blanks between them. */
const WORDS = /=\?[^?\s]+\?[bq]\?[^?]*\?=(?:\s*=\?[^?\s]+\?[bq]\?[^?]*\?=)*/gi;
const WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

/**
 * Decodes the forms in which servers send a name beyond ASCII: raw UTF-8, words of RFC 2047, percent signs.
 * Any other text is unchanged. `value` has one character for each byte that was sent.
 */
export function decodePlainName(value: string): string {
  const text = decodeBytes(bytesOf(value), "utf-8") ?? value;
  const words = text.replace(WORDS, (run) => decodeWords(run) ?? run);
  return words === text ? decodePercent(text) : words;
}

/** Decodes `charset'language'percent-encoded` (RFC 8187), and similar malformed values. */
export function decodeExtendedName(value: string): ExtendedName {
  const [, charset = "", quoted] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? [];
  const encoded = quoted?.replace(/^"|"$/g, "");
  if (encoded === undefined) {
    const [, label = "", rest = value] = /^([^']*)'(.*)$/s.exec(value) ?? [];
    return { name: decodePlainName(isCharset(label) ? rest : value), isProper: false };
  }
  const isBroken = /%(?![0-9a-f]{2})/i.test(encoded);
  const name = isBroken ? undefined : decodeBytes(bytesOf(unescapeBytes(encoded)), charset);
  return name === undefined ? { name: decodePlainName(encoded), isProper: false } : { name, isProper: true };
}

/** Whether a word names a charset that the runtime can decode. */
export function isCharset(word: string): boolean {
  try {
    new TextDecoder(word);
    return true;
  } catch {
    return false;
  }
}

/** Two adjacent words may share a character whose bytes are split between them. */
function decodeWords(run: string): string | undefined {
  const parts: { charset: string; bytes: string }[] = [];
  for (const [, charset = "", encoding, encoded = ""] of run.matchAll(WORD)) {
    const bytes = encoding!.toLowerCase() === "b" ? decodeBase64(encoded) : decodeQ(encoded);
    if (bytes === undefined) return undefined;
    const last = parts.at(-1);
    if (last?.charset === charset.toLowerCase()) last.bytes += bytes;
    else parts.push({ charset: charset.toLowerCase(), bytes });
  }
  const texts = parts.map(({ charset, bytes }) => decodeBytes(bytesOf(bytes), charset));
  return texts.includes(undefined) ? undefined : texts.join("");
}

function decodeBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}

function decodeQ(text: string): string {
  return unescapeBytes(text.replaceAll("_", " ").replaceAll("%", "%25").replace(/=(?=[\da-f]{2})/gi, "%"));
}

/** Escapes that are not UTF-8 are unchanged, because their percent sign may be part of the name. */
function decodePercent(text: string): string {
  return text.replace(
    /(?:%[\da-f]{2})+/gi,
    (escapes) => decodeBytes(bytesOf(unescapeBytes(escapes)), "utf-8") ?? escapes,
  );
}

/** Percent-decodes to one character for each byte. */
function unescapeBytes(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `undefined` when a character is not a byte. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\0-\xff]*$/.test(text)) return undefined;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `undefined` when the bytes are not text in this charset, or the charset is unknown. */
function decodeBytes(bytes: Uint8Array<ArrayBuffer> | undefined, charset: string): string | undefined {
  if (bytes === undefined || !isCharset(charset)) return undefined;
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
