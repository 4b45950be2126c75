import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** What a server says: it is called for each connection. */
export type Talk = (socket: Socket) => void;

/** A server that does with each connection what a test says, and counts them. */
export class Talker implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(server: Server, talk: Talk) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {}); // "close" follows
      talk(socket);
    });
  }

  /** Starts one on a free port of `address`. */
  static start(talk: Talk, address = "127.0.0.1", port = 0): Promise<Talker> {
    const server = createServer();
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, () => resolve(new Talker(server, talk)));
    });
  }

  /** Starts one that takes connections and never says a word. */
  static silent(address?: string, port?: number): Promise<Talker> {
    return Talker.start((socket) => void socket.resume(), address, port);
  }

  /** As `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Closes every connection and frees the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    const freed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await freed;
  }
}
