/**
 * Name and value of each parameter, quoted or not, in the order of the header. The disposition type has no
 * `=` and is passed over: an unknown one counts as `attachment` (RFC 6266, section 4.2), and so does none.
 */
function* parameters(header: string): Generator<[name: string, value: string]> {
  let at = 0;
  while (at < header.length) {
    const nameStart = at;
    while (at < header.length && header[at] !== "=" && header[at] !== ";") at++;
    const name = header.slice(nameStart, at).trim().toLowerCase();
    const valued = header[at] === "=";
    at++;
    if (!valued) continue;

    while (header[at] === " " || header[at] === "\t") at++;
    const quoted = header[at] === '"';
    const valueStart = quoted ? ++at : at;
    // A quote that nobody closes reaches to the end, as in browsers.
    while (quoted && at < header.length && header[at] !== '"') at += header[at] === "\\" ? 2 : 1;
    const quotedEnd = at;
    while (at < header.length && header[at] !== ";") at++;
    yield [
      name,
      quoted
        ? header.slice(valueStart, quotedEnd).replace(/\\(.?)/gs, "$1")
        : header.slice(valueStart, at).trim(),
    ];
    at++;
  }
}

/** Reads a string of bytes, one to a character, as UTF-8; `undefined` when it is not that. */
function decodeUtf8(byteString: string): string | undefined {
  if (!/^[\0-\xff]*$/.test(byteString)) return undefined;
  const bytes = Uint8Array.from(byteString, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes `charset'language'percent-encoded` (RFC 8187); `undefined` when it is broken or in another charset. */
function decodeExtended(value: string): string | undefined {
  const [, charset = "", encoded = ""] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? [];
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return undefined;
  const byteString = encoded.replace(
    /%(..)/g,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
  switch (charset.toLowerCase()) {
    case "utf-8":
      return decodeUtf8(byteString);
    case "iso-8859-1":
      return byteString;
    default:
      return undefined;
  }
}

/**
 * The file name that a `Content-Disposition` field suggests (RFC 6266, RFC 8187), or `undefined` when it
 * has none. `filename*` wins over `filename` unless it is broken; of several, the first one counts.
 *
 * The name is what the server wrote and may be hostile: it needs sanitizing before it reaches a disk.
 */
export function fileNameFromContentDisposition(header: string): string | undefined {
  let plain: string | undefined;
  let extended: string | undefined;
  for (const [name, value] of parameters(header)) {
    // Header bytes arrive as Latin-1, so a name that was sent as raw UTF-8 has to be put together again.
    if (name === "filename") plain ||= decodeUtf8(value) ?? value;
    if (name === "filename*") extended ||= decodeExtended(value);
  }
  return extended || plain || undefined;
}
