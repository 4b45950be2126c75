import { DownloadError } from "../../errors.ts";
import { closed, DEFAULT_PROTOCOL, placeOf } from "../network/node_tls.ts";
import type { Connection, HostPort } from "../runtime.ts";

/** The longest time of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A connection of Deno's own, which reads into the memory of its caller and buffers nothing. */
export class DenoConnection implements Connection {
  /** `undefined` once the connection has TLS. */
  #tcp: Deno.TcpConn | undefined;
  #conn: Deno.TcpConn | Deno.TlsConn;
  /** The host in errors of TLS. */
  #place = "";
  #hasRead = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tcp: Deno.TcpConn) {
    tcp.setNoDelay();
    this.#tcp = tcp;
    this.#conn = tcp;
  }

  /** Whether the connection has no TLS yet. */
  get isPlain(): boolean {
    return this.#tcp !== undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Starts TLS. Rejects with `InvalidData` if the certificate is not trusted, or the handshake failed otherwise. */
  async secure(to: HostPort, ca: readonly string[]): Promise<void> {
    const tcp = this.#tcp;
    if (tcp === undefined || this.#isClosed) throw closed();
    this.#tcp = undefined;
    this.#place = placeOf(to);
    this.#hasRead = false;
    const conn = await Deno.startTls(tcp, {
      hostname: to.host,
      caCerts: [...ca],
      alpnProtocols: [DEFAULT_PROTOCOL],
    });
    this.#conn = conn;
    if (this.#isClosed) conn.close();
    await conn.handshake();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    try {
      for (;;) {
        const length = await this.#conn.read(into);
        if (length === null) return 0;
        if (length === 0) continue; // not the end
        this.#hasRead = true;
        return length;
      }
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch (error) {
      throw this.#explain(error);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      this.#conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // TLS has taken it
    }
  }

  closeAfter(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms === undefined) return this.#conn.ref();
    // An idle connection must not keep the process alive.
    this.#conn.unref();
    const timer = setTimeout(() => this.close(), Math.min(Math.max(ms, 1), MAX_TIMER_MS));
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #explain(error: unknown): unknown {
    if (this.#isClosed) return closed();
    // TLS ended without close_notify.
    if (error instanceof Deno.errors.UnexpectedEof) return new Error("the server closed it early");
    if (!(error instanceof Deno.errors.InvalidData)) return error;
    if (this.#hasRead) return new Error("TLS failed");
    // With TLS 1.3 the server refuses after the handshake of the client.
    const reason = "TLS could not be set up (the server refused it)";
    return new DownloadError("tls", `Cannot reach ${this.#place}: ${reason}`, { reason });
  }
}
