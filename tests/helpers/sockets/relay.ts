import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes connections on to a server, and cuts them when it is told to. */
export class Relay implements AsyncDisposable {
  /** Where it passes on from; the path is that of the server's URL. */
  readonly url: string;
  readonly #listener: Server;
  readonly #clients = new Set<Socket>();

  private constructor(listener: Server, target: URL) {
    this.#listener = listener;
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}${target.pathname}`;
    listener.on("connection", (client: Socket) => this.#pass(client, target));
  }

  /** Starts a relay to the server at `url`, on a free port or on `port`. */
  static start(url: string, port = 0): Promise<Relay> {
    const listener = createServer();
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(port, "127.0.0.1", () => resolve(new Relay(listener, new URL(url))));
    });
  }

  /** Ends every connection, in order (FIN) or by a reset (RST). */
  cut(how: "fin" | "reset"): void {
    for (const client of this.#clients) {
      if (how === "fin") client.end();
      else client.resetAndDestroy();
    }
  }

  /** Closes every connection and frees the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const client of this.#clients) client.destroy();
    await freed;
  }

  #pass(client: Socket, target: URL): void {
    const server = connect(Number(target.port), target.hostname);
    this.#clients.add(client);
    client.on("close", () => {
      this.#clients.delete(client);
      server.destroy();
    });
    server.on("close", () => client.destroy());
    // Either end may go away at any time; "close" follows.
    client.on("error", () => {});
    server.on("error", () => {});
    client.pipe(server, { end: false });
    server.pipe(client, { end: false });
  }
}
