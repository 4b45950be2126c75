import type { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { until } from "../until.ts";

/** A request that passed. */
export interface TappedRequest {
  /** Number of the connection, from 1. */
  readonly connection: number;
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  /** The `Range` field; `undefined` without it. */
  readonly range: string | undefined;
  /** The `If-Range` field; `undefined` without it. */
  readonly ifRange: string | undefined;
}

/**
 * Stands before a server that is not ours: it notes the requests, which have no bodies, and changes nothing. It holds
 * all connections once it has passed on as many bytes as a test allows.
 */
export class Tap implements AsyncDisposable {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly requests: TappedRequest[] = [];
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  /** What is done once bytes may pass again. */
  readonly #held: (() => void)[] = [];
  #target: URL;
  #connections = 0;
  #allowance = Infinity;

  private constructor(listener: Server, target: string) {
    this.#listener = listener;
    this.#target = new URL(target);
    this.origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    listener.on("connection", (client: Socket) => this.#pass(client));
  }

  /** Starts one before the server at the host and port of `target`, on a free port. */
  static start(target: string): Promise<Tap> {
    const listener = createServer();
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", () => resolve(new Tap(listener, target)));
    });
  }

  /** Passes new connections on to another server. */
  moveTo(target: string): void {
    this.#target = new URL(target);
  }

  /** Lets about `bytes` more of what the server says pass, and nothing behind them: no request either. */
  allow(bytes: number): void {
    this.#allowance = bytes;
    if (bytes <= 0) return;
    for (const resume of this.#held.splice(0)) resume();
  }

  /** Lets everything pass. */
  release(): void {
    this.allow(Infinity);
  }

  /** Resolves once all bytes that were allowed have passed. */
  exhausted(): Promise<void> {
    return until(() => this.#allowance <= 0);
  }

  /** Resolves once requests have come over this many connections, counted from request number `from` on. */
  connected(connections: number, from = 0): Promise<void> {
    const seen = () => new Set(this.requests.slice(from).map(({ connection }) => connection)).size;
    return until(() => seen() >= connections);
  }

  /** Closes every connection and frees the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await freed;
  }

  #pass(client: Socket): void {
    const connection = ++this.#connections;
    const server = connect(Number(this.#target.port), this.#target.hostname);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {}); // "close" follows
    }
    let unread = "";
    client.on("data", (bytes: Buffer) => {
      unread = this.#note(connection, unread + bytes.toString("latin1"));
      this.#whenAllowed(() => server.write(bytes));
    });
    server.on("data", (bytes: Buffer) => {
      this.#allowance -= bytes.length;
      const isFull = !client.write(bytes);
      if (this.#allowance <= 0) {
        server.pause();
        this.#whenAllowed(() => server.resume());
      } else if (isFull) {
        server.pause();
        client.once("drain", () => this.#whenAllowed(() => server.resume()));
      }
    });
    server.on("end", () => client.end());
    server.on("close", (hadError: boolean) => hadError ? client.resetAndDestroy() : client.end());
    client.on("close", () => server.destroy());
  }

  #whenAllowed(action: () => void): void {
    if (this.#allowance > 0) action();
    else this.#held.push(action);
  }

  /** Notes the requests whose heads are complete; the rest of the text. */
  #note(connection: number, text: string): string {
    const heads = text.split("\r\n\r\n");
    const rest = heads.pop() ?? "";
    for (const head of heads) {
      const [first = "", ...lines] = head.split("\r\n");
      const [method = "", target = ""] = first.split(" ");
      const field = (name: string): string | undefined =>
        lines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1).trim();
      this.requests.push({ connection, method, target, range: field("range"), ifRange: field("if-range") });
    }
    return rest;
  }
}
