import type { Connection } from "../../runtime/runtime.ts";

/** A connection to a server for one exchange after the other. */
export class HttpConnection {
  readonly #connection: Connection;
  /** Bytes that were read too early. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** A read that began before its bytes were wanted. */
  #pending: Promise<Uint8Array<ArrayBuffer> | undefined> | undefined;
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

  /** The next bytes; `undefined` at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const rest = this.#rest;
    if (rest !== undefined) {
      this.#rest = undefined;
      return rest;
    }
    const pending = this.#pending ?? this.#connection.read();
    this.#pending = undefined;
    const chunk = await pending;
    if (chunk !== undefined) this.hasAnswered = true;
    return chunk;
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
    this.#pending = this.#connection.read();
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
