import type { Connection } from "../../runtime/runtime.ts";

/** Most bytes of one read. */
const READ_BYTES = 16 * 1024;

/** Lines may end with a line feed alone, or with two carriage returns, as in curl. */
const EMPTY_LINE = /\n\r{0,2}\n/g;

/** Reads a connection in the portions that a protocol needs. */
export class ByteReader {
  readonly #connection: Connection;
  #buffered = new Uint8Array(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Exactly `length` bytes; `undefined` when the connection ends earlier. */
  async take(length: number): Promise<Uint8Array | undefined> {
    while (this.#buffered.length < length) if (!await this.#readMore()) return undefined;
    return this.#cut(length);
  }

  /**
   * A message head with its empty line, one character for each byte. Only its start when the connection ends
   * earlier, or when the head has more than `limit` bytes.
   */
  async head(limit: number): Promise<string> {
    let text = "";
    while (text.length <= limit && (this.#buffered.length > 0 || await this.#readMore())) {
      const before = text.length;
      // A TextDecoder does not fit: its "latin1" is windows-1252, which maps some bytes to other characters.
      text += String.fromCharCode(...this.#cut(this.#buffered.length));
      EMPTY_LINE.lastIndex = Math.max(0, before - 4);
      if (EMPTY_LINE.test(text)) return text.slice(0, EMPTY_LINE.lastIndex);
    }
    return text;
  }

  async #readMore(): Promise<boolean> {
    const chunk = new Uint8Array(READ_BYTES);
    const length = await this.#connection.read(chunk);
    if (length === 0) return false;
    const joined = new Uint8Array(this.#buffered.length + length);
    joined.set(this.#buffered);
    joined.set(chunk.subarray(0, length), this.#buffered.length);
    this.#buffered = joined;
    return true;
  }

  #cut(length: number): Uint8Array {
    const taken = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return taken;
  }
}
