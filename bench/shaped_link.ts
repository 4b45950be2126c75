import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { LinkLane } from "./link_lane.ts";

/** More than the head of a response, and less than every measured body. */
const BODY_STARTS_AFTER = 1024;

/** How a connection passes bytes. Without settings it passes them unchanged and immediately. */
export interface LinkShape {
  /** The rate towards the client. */
  readonly bytesPerSecond?: number;
  /** Delay in each direction. A connection is accepted immediately: its handshake takes no round trip. */
  readonly delayMs?: number;
  /** After these bytes the client gets nothing more, and the connection stays open. */
  readonly stopAfterBytes?: number;
}

/** Events on a connection; times are those of `performance.now()`. */
export interface LinkRecord {
  /** When the first byte of the client arrived. */
  requestAtMs?: number;
  /** When the client had got the first bytes of a body. */
  bodyAtMs?: number;
  /** Bytes that were passed to the client. */
  passedBytes: number;
}

/** A link to a server on this machine that is slower, longer or less reliable than loopback. */
export class ShapedLink implements AsyncDisposable {
  /** The connections in the order of their arrival. */
  readonly connections: LinkRecord[] = [];
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #shape: (connection: number) => LinkShape;
  readonly #open = new Set<Socket>();
  #passedBytes = 0;
  #onPassed: (() => void) | undefined;

  private constructor(targetPort: number, shape: (connection: number) => LinkShape) {
    this.#targetPort = targetPort;
    this.#shape = shape;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#relay(client));
  }

  /** Listens on a new port; `shape` is called with the number of each connection, counted from 0. */
  static async open(targetPort: number, shape: (connection: number) => LinkShape): Promise<ShapedLink> {
    const link = new ShapedLink(targetPort, shape);
    await once(link.#server.listen(0, "127.0.0.1"), "listening");
    return link;
  }

  /** Scheme, host and port for clients. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Bytes that were passed to clients, heads included. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** Resolves when `bytes` bytes have been passed to clients. */
  async passed(bytes: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onPassed = () => {
        if (this.#passedBytes >= bytes) resolve();
      };
      this.#onPassed();
    });
    this.#onPassed = undefined;
  }

  #relay(client: Socket): void {
    const shape = this.#shape(this.connections.length);
    const record: LinkRecord = { passedBytes: 0 };
    this.connections.push(record);
    const server = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    client.once("data", () => record.requestAtMs = performance.now());
    new LinkLane(client, server, { delayMs: shape.delayMs }, () => {});
    new LinkLane(server, client, shape, (bytes) => {
      record.passedBytes += bytes;
      this.#passedBytes += bytes;
      if (record.passedBytes > BODY_STARTS_AFTER) record.bodyAtMs ??= performance.now();
      this.#onPassed?.();
    });
    for (const [socket, other] of [[client, server], [server, client]] as const) {
      this.#open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => this.#open.delete(socket));
    }
    // When the server closes first, buffered bytes must still reach the client.
    client.on("close", () => server.destroy());
  }

  /** Cuts all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await once(this.#server.close(), "close");
  }
}
