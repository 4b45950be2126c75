const UTF_32 = "it is UTF-32; save it as UTF-8";
/** How many bytes are enough to detect the encoding. */
const SIGNATURE_BYTES = 4;

/**
 * The text of a list in UTF-8 or UTF-16. The byte order mark or the first characters show the encoding. Bytes that
 * are not valid in it become U+FFFD, so that a message can name the line. Throws for UTF-32.
 */
export async function* decodeList(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  let start = new Uint8Array(0);
  let decoder: TextDecoder | undefined;
  for await (const chunk of chunks) {
    if (decoder !== undefined) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    start = Uint8Array.from([...start, ...chunk.subarray(0, SIGNATURE_BYTES)]);
    if (start.length < SIGNATURE_BYTES) continue;
    decoder = new TextDecoder(encodingOf(start));
    const before = start.length - Math.min(SIGNATURE_BYTES, chunk.length);
    yield decoder.decode(start.subarray(0, before), { stream: true }) +
      decoder.decode(chunk, { stream: true });
  }
  decoder ??= new TextDecoder(encodingOf(start));
  const end = start.length < SIGNATURE_BYTES ? decoder.decode(start) : decoder.decode();
  if (end !== "") yield end;
}

/** A list starts with an ASCII character or a byte order mark. */
function encodingOf([first, second, third, fourth]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) {
    if (third === 0 && fourth === 0) throw new Error(UTF_32);
    return "utf-16le";
  }
  if (first === 0xfe && second === 0xff) return "utf-16be";
  if (first !== 0 && second === 0) {
    if (third === 0) throw new Error(UTF_32);
    return "utf-16le";
  }
  if (first === 0 && second === 0) throw new Error(UTF_32);
  return first === 0 ? "utf-16be" : "utf-8";
}
