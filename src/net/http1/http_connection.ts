import type { Connection } from "../../runtime/runtime.ts";

/** Enough for most heads. */
const BUFFER_BYTES = 16 * 1024;

/** A connection to a server for one exchange after the other. */
export class HttpConnection {
  readonly #connection: Connection;
  /** Memory for heads and for the lines between chunks. */
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  /** Bytes that were read too early. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** A read that began before its bytes were wanted. */
  #pending: Promise<number> | undefined;
  /** Whether the server has sent anything since the last request. */
  hasAnswered = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends the head of a request. */
  send(head: Uint8Array): Promise<void> {
    this.hasAnswered = false;
    return this.#connection.write(head);
  }

  /** The next bytes, which are overwritten by the next read; `undefined` at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const rest = this.#rest;
    if (rest !== undefined) {
      this.#rest = undefined;
      return rest;
    }
    const pending = this.#pending ?? this.#connection.read(this.#buffer);
    this.#pending = undefined;
    const length = await pending;
    if (length === 0) return undefined;
    this.hasAnswered = true;
    return this.#buffer.subarray(0, length);
  }

  /** Fills the start of `into`, and returns the number of bytes; 0 at the end. */
  async readInto(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const rest = this.#rest;
    if (rest === undefined) return await this.#connection.read(into);
    const length = Math.min(rest.length, into.length);
    into.set(rest.subarray(0, length));
    this.#rest = undefined;
    this.unread(rest.subarray(length));
    return length;
  }

  /** Gives bytes back, for the next read. */
  unread(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length > 0) this.#rest = bytes;
  }

  /** Whether bytes follow that belong to no exchange. */
  get hasRest(): boolean {
    return this.#rest !== undefined;
  }

  /**
   * Waits without an exchange. Calls `onOver` when the server closes the connection or sends something, and
   * after `timeoutMs`.
   */
  rest(timeoutMs: number, onOver: () => void): void {
    this.#connection.closeAfter(timeoutMs);
    this.#pending = this.#connection.read(this.#buffer);
    this.#pending.then(onOver, onOver);
  }

  /** Ends the wait. */
  wake(): void {
    this.#connection.closeAfter(undefined);
  }

  close(): void {
    this.#connection.close();
  }
}
