import type { TcpNetConnectOpts } from "node:net";
import { isIpv6, parseIp } from "../../lib/ip_address.ts";
import { onAbort } from "../../lib/on_abort.ts";
import { NodeConnection } from "./node_connection.ts";
import type { Connection, Endpoint, Network } from "../runtime.ts";

type ConnectOptions = Parameters<Network["connect"]>[1];

/**
 * Opens a TCP connection with `node:net`. With `readBytes` it reads into memory of that size, and not into a new
 * buffer for each chunk.
 */
export async function connectWithNode(
  { address, port }: Endpoint,
  { localAddress, signal }: ConnectOptions,
  readBytes?: number,
): Promise<Connection> {
  const { connect } = await import("node:net");
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  let connection: NodeConnection | undefined;
  const options: TcpNetConnectOpts = { host: address, port, noDelay: true, allowHalfOpen: true };
  if (localAddress !== undefined) options.localAddress = localAddress;
  if (readBytes !== undefined) {
    const buffer = new Uint8Array(readBytes);
    const callback = (length: number): boolean => {
      connection?.lend(buffer.subarray(0, length));
      return false; // until the next read resumes the socket
    };
    options.onread = { buffer, callback };
  }
  const socket = connect(options);
  using _stopping = onAbort(signal, () => {
    socket.destroy();
    reject(signal.reason);
  });
  socket.once("error", reject);
  socket.once("connect", () => resolve(connection = new NodeConnection(socket)));
  return await promise;
}

/**
 * Sockets of all runtimes. Their modules are loaded when needed, because they take time and most runs on Deno
 * need none.
 */
export const sockets: Network = {
  connect: (to, options) => connectWithNode(to, options),

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

  async secure(open, to, options) {
    const connection = await open();
    if (connection instanceof NodeConnection) return await connection.secure(to, options);
    throw new TypeError("Cannot secure a connection of another kind");
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

/** An address in a form for comparison: IPv6 has several forms, and may name the interface. */
function plain(address: string): string {
  return parseIp(address.replace(/%.*$/, "")) ?? address;
}
