import type { Connection } from "../../runtime/runtime.ts";

/** Most bytes of one read. */
const READ_BYTES = 16 * 1024;

/** Reads a connection in the portions that a protocol needs. */
export class ByteReader {
  readonly #connection: Connection;
  #buffered = new Uint8Array(0);
  #reading: Promise<boolean> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Exactly `length` bytes; `undefined` when the connection ends earlier. */
  async take(length: number): Promise<Uint8Array | undefined> {
    while (this.#buffered.length < length) if (!await this.#readMore()) return undefined;
    return this.#cut(length);
  }

  /**
   * A message head up to its empty line, one character for each byte. `undefined` when the connection ends
   * earlier, or when the head has more than `limit` bytes.
   */
  async head(limit: number): Promise<string | undefined> {
    for (let searched = 0;;) {
      const end = indexOfEmptyLine(this.#buffered, searched);
      // A TextDecoder does not fit: its "latin1" is windows-1252, which maps some bytes to other characters.
      if (end >= 0) return Array.from(this.#cut(end), (byte) => String.fromCharCode(byte)).join("");
      searched = Math.max(0, this.#buffered.length - 3);
      if (this.#buffered.length > limit || !await this.#readMore()) return undefined;
    }
  }

  /** The next bytes; `undefined` at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#buffered.length === 0 && !await this.#readMore()) return undefined;
    return this.#cut(this.#buffered.length);
  }

  /** Waits for unread bytes; `false` when the connection ended instead. */
  async waitForMore(): Promise<boolean> {
    return this.#buffered.length > 0 || await this.#readMore();
  }

  /** Starts a read, or returns the one that is running. */
  #readMore(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #read(): Promise<boolean> {
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

/** Index after the first empty line; -1 when there is none. */
function indexOfEmptyLine(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}
