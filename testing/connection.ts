import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";

const MAX_HEAD_BYTES = 65_536;
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A raw socket that is read head by head. Every wait also ends when the socket closes, and no wait rejects.
 * So the server code cannot hang; it checks `closed` after a wait.
 */
export class Connection {
  /** Counts connections from 1. */
  readonly number: number;
  readonly #socket: Socket;
  readonly #waits = new Set<() => void>();
  #received = Buffer.alloc(0);
  #wakeReader: () => void = () => {};
  #closed = false;

  /** Takes over `socket`, and calls `onClose` once. */
  constructor(socket: Socket, number: number, onClose: () => void) {
    this.number = number;
    this.#socket = socket;
    socket.setNoDelay(true);
    // A reset by the peer is expected, and "close" follows every error.
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("close", () => {
      this.#closed = true;
      for (const done of this.#waits) done();
      onClose();
    });
  }

  /** Whether the socket is gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The next request head without its blank line; `undefined` when the connection is over. */
  async nextHead(): Promise<string | undefined> {
    while (!this.#closed) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end >= 0) {
        const head = this.#received.toString("latin1", 0, end);
        this.#received = this.#received.subarray(end + 4);
        return head;
      }
      await this.#wait((done) => this.#wakeReader = done);
    }
    return undefined;
  }

  /** Hands bytes to the system. After the wait the caller may reuse their buffer. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#wait((done) => this.#socket.write(bytes, () => done()));
  }

  /** Waits `ms` milliseconds; returns immediately when `ms` is zero or less. */
  async sleep(ms: number): Promise<void> {
    if (ms <= 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await this.#wait((done) => timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS)));
    clearTimeout(timer);
  }

  /** Ends the connection in order (FIN). The socket closes once the peer has ended the connection, too. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection (RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes the socket immediately. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (this.#received.length > MAX_HEAD_BYTES) this.destroy();
    this.#wakeReader();
  }

  #wait(start: (done: () => void) => void): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waits.delete(done);
        resolve();
      };
      this.#waits.add(done);
      start(done);
    });
  }
}
