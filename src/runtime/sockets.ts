import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { explainFailure } from "./fetch_failure.ts";
import type { Connection, Network } from "./runtime.ts";
import { onAbort } from "../lib/on_abort.ts";
import { isIpv6, joinHostPort, parseIp } from "../lib/ip_address.ts";

/**
 * Sockets of all runtimes. Their modules are loaded when needed, because they take time and most runs on Deno
 * need none.
 */
export const sockets: Network = {
  async connect({ address, port }, { localAddress, signal }) {
    const { connect } = await import("node:net");
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const socket = connect({
      host: address,
      port,
      noDelay: true,
      allowHalfOpen: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    using _stopping = onAbort(signal, () => {
      socket.destroy();
      reject(signal.reason);
    });
    socket.once("error", reject);
    socket.once("connect", () => resolve(new NodeConnection(socket)));
    return await promise;
  },

  async exchange({ address, port }, message, accepts, signal) {
    const { createSocket } = await import("node:dgram");
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const socket = createSocket(isIpv6(address) ? "udp6" : "udp4");
    using _stopping = onAbort(signal, () => reject(signal.reason));
    socket.on("error", reject);
    // Not every runtime refuses datagrams from other senders on a connected socket.
    socket.on("message", (answer, from) => {
      if (from.port === port && plain(from.address) === plain(address) && accepts(answer)) resolve(answer);
    });
    try {
      socket.connect(port, address, () => socket.send(message, (error) => error && reject(error)));
      return await promise;
    } finally {
      socket.close();
    }
  },

  async secure(connection, { host, port }, { ca, identity, isVerified, protocol = "http/1.1" }) {
    const place = port === HTTPS_PORT ? host : joinHostPort(host, port);
    if (!(connection instanceof NodeConnection)) {
      throw new TypeError("Cannot secure a connection of another kind");
    }
    const [{ isIP }, { getCACertificates }] = await Promise.all([import("node:net"), import("node:tls")]);
    try {
      return await connection.secure(place, {
        host,
        // Only a name may be sent to the server, not an address (RFC 6066, section 3).
        ...(isIP(host) === 0 && { servername: host }),
        // Those of the environment are among the default ones.
        ...(ca.length > 0 && { ca: [...getCACertificates("default"), ...ca] }),
        ...identity,
        rejectUnauthorized: isVerified,
        ALPNProtocols: [protocol],
      });
    } catch (error) {
      throw explainFailure(error, place);
    }
  },

  async lookup(host) {
    const { lookup } = await import("node:dns/promises");
    const found = await lookup(host, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  },

  isUnrestricted: () => true,
  requireUnrestricted: () => {},

  async isLocal(address) {
    const { createServer } = await import("node:net");
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(0, address, () => resolve(true));
    const isLocal = await promise;
    server.close();
    return isLocal;
  },
};

/** Messages leave out the port that a URL may leave out. */
const HTTPS_PORT = 443;

/** The longest time of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An address in a form for comparison: IPv6 has several forms, and may name the interface. */
function plain(address: string): string {
  return parseIp(address.replace(/%.*$/, "")) ?? address;
}

/**
 * A connection that buffers at most one chunk of the runtime. It reads the next one when its reader has taken
 * it.
 */
class NodeConnection implements Connection {
  readonly protocol: string | undefined;
  readonly #socket: Socket;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #isOver = false;
  #failure: unknown;
  #wake: () => void = () => {};

  /** With TLS, `host` is the host in its errors, and `protocol` the one that was agreed on. */
  constructor(socket: Socket, host?: string, protocol?: string) {
    this.#socket = socket;
    this.protocol = protocol;
    // An idle connection must not keep the process alive. A caller that waits for bytes keeps it alive
    // itself.
    socket.unref();
    socket.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
      this.#chunks.push(chunk);
      socket.pause();
      this.#wake();
    });
    const over = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("end", over);
    socket.on("close", over);
    socket.on("timeout", () => socket.destroy());
    socket.on("error", (error) => {
      this.#failure ??= host === undefined ? error : explainFailure(error, host);
      over();
    });
  }

  /** Starts TLS on this connection. No byte of it may have been read before. */
  async secure(host: string, options: ConnectionOptions): Promise<Connection> {
    const { connect } = await import("node:tls");
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    if (this.#isOver) throw this.#failure ?? new Error("the connection was closed");
    const over = () => reject(new Error("the connection was closed"));
    this.#socket.removeAllListeners();
    // Bun reports an early end only here.
    this.#socket.once("end", over).once("close", over).once("error", reject);
    const socket = connect({ ...options, socket: this.#socket });
    socket.once("error", reject);
    socket.once("close", over);
    socket.once("secureConnect", () => {
      resolve(new NodeConnection(socket, host, socket.alpnProtocol || undefined));
    });
    return await promise;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isOver) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#socket.resume();
      await promise;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = () => reject(this.#failure ?? new Error("the connection was closed"));
    this.#socket.once("close", over);
    this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    try {
      await promise;
    } finally {
      this.#socket.off("close", over);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  closeAfter(ms: number | undefined): void {
    this.#socket.setTimeout(ms === undefined ? 0 : Math.min(Math.max(ms, 1), MAX_TIMER_MS));
  }
}
