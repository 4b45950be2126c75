import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { closed, explain, placeOf, startTls } from "./node_tls.ts";
import type { Connection, HostPort, SecureOptions } from "../runtime.ts";

/** The longest time of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The socket pauses when so many bytes wait for their reader. TLS has chunks of at most 16 KiB. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** A connection over a socket of `node:net` or `node:tls`. It reads more when its reader has taken what came. */
export class NodeConnection implements Connection {
  readonly protocol: string | undefined;
  readonly #socket: Socket;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #lent: ArrayBuffer | undefined;
  /** Bytes of all chunks. */
  #buffered = 0;
  #isOver = false;
  #failure: unknown;
  #wake: () => void = () => {};

  /** With TLS, `host` is the host in its errors. */
  constructor(socket: Socket | TLSSocket, host?: string) {
    this.#socket = socket;
    this.protocol = "alpnProtocol" in socket && socket.alpnProtocol || undefined;
    // An idle connection must not keep the process alive. A caller that waits for bytes keeps it alive
    // itself.
    socket.unref();
    socket.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
      this.#push(chunk);
      if (this.#buffered >= MAX_BUFFERED_BYTES) socket.pause();
    });
    const over = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("end", over);
    socket.on("close", over);
    socket.on("timeout", () => this.close());
    socket.on("error", (error) => {
      // The socket does not emit what it has buffered before the failure.
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#push(chunk);
      this.#failure ??= host === undefined ? error : explain(error, host);
      over();
    });
  }

  /** Takes bytes in memory that the socket fills again once they were read. */
  lend(chunk: Uint8Array<ArrayBuffer>): void {
    this.#lent = chunk.buffer;
    this.#push(chunk);
  }

  /** Starts TLS on this connection. No byte of it may have been read before. */
  async secure(to: HostPort, options: SecureOptions): Promise<Connection> {
    if (this.#isOver) throw this.#failure ?? closed();
    this.#socket.removeAllListeners();
    return new NodeConnection(await startTls(this.#socket, to, options), placeOf(to));
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    for (;;) {
      if (this.#buffered > 0) return this.#take(into);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isOver) return 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#socket.resume();
      await promise;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = () => reject(this.#failure ?? closed());
    this.#socket.once("close", over);
    this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    try {
      await promise;
    } finally {
      this.#socket.off("close", over);
    }
  }

  close(): void {
    this.#failure ??= closed();
    this.#socket.destroy();
  }

  closeAfter(ms: number | undefined): void {
    this.#socket.setTimeout(ms === undefined ? 0 : Math.min(Math.max(ms, 1), MAX_TIMER_MS));
  }

  #push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    this.#wake();
  }

  #take(into: Uint8Array<ArrayBuffer>): number {
    let taken = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined && taken < into.length; chunk = this.#chunks[0]) {
      const length = Math.min(chunk.length, into.length - taken);
      into.set(chunk.subarray(0, length), taken);
      taken += length;
      if (length < chunk.length) this.#chunks[0] = chunk.subarray(length);
      else this.#free(this.#chunks.shift()!);
    }
    this.#buffered -= taken;
    return taken;
  }

  /** Chunks arrive faster than garbage is collected. Those that share their memory are left to the collector. */
  #free({ buffer, byteLength }: Uint8Array<ArrayBuffer>): void {
    if (buffer !== this.#lent && byteLength === buffer.byteLength) buffer.transfer(0);
  }
}
