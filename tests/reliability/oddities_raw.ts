import { Buffer } from "node:buffer";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Connection } from "../../testing/connection.ts";
import { parseRequestHead, type RequestHead } from "../../testing/request.ts";

const WRITE_BYTES = 64 * 1024;
const PACE_MS = 8;

/** A request, and what else the server has to do at its time. */
export interface RawRequest extends RequestHead {
  /** The connection that it came on, counted from 1. */
  readonly connection: number;
  /** Connections that were opened earlier and still are open. */
  readonly earlierOpen: () => number;
  /** Connections that are being sent a paced response. */
  readonly busy: () => number;
  /** Waits; less when the client goes away. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** A response, byte for byte. */
export interface RawResponse {
  /** Status line and fields; a character is a byte. */
  readonly head: readonly string[];
  readonly body?: Uint8Array;
  /**
   * How the body is framed beside what the head says of it.
   *
   * @default {"plain"}
   */
  readonly framing?: "plain" | "chunked" | "chunked with trailers";
  /**
   * Ends the connection afterwards.
   *
   * @default {false}
   */
  readonly closes?: boolean;
  /** Ends the connection after so many bytes of the body. */
  readonly cut?: { readonly after: number; readonly how: "close" | "reset" };
  /**
   * Sends slowly enough that others come while it is sent.
   *
   * @default {false}
   */
  readonly isPaced?: boolean;
}

/** What to do with a request: answer it, or not. */
export type RawAct = RawResponse | "reset" | "close" | "silence";

/** Decides what to do with a request. */
export type Answer = (request: RawRequest) => Promise<RawAct> | RawAct;

/** A server of raw sockets that sends what it is told to, and nothing of its own. */
export class RawServer implements AsyncDisposable {
  readonly origin: string;
  /** Called before bytes of a body go out. */
  onBody: (bytes: number) => Promise<void> | void = () => {};
  readonly #listener: Server;
  readonly #answer: Answer;
  readonly #open = new Map<Connection, Promise<void>>();
  readonly #busy = new Set<Connection>();
  #connections = 0;
  #stopped = false;
  #failure: unknown;

  private constructor(listener: Server, answer: Answer) {
    this.origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    this.#listener = listener;
    this.#answer = answer;
    listener.on("connection", (socket: Socket) => this.#accept(socket));
  }

  /** Starts one on a free port of 127.0.0.1. */
  static start(answer: Answer): Promise<RawServer> {
    const listener = createServer();
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", () => resolve(new RawServer(listener, answer)));
    });
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** Destroys every connection and frees the port. Throws what answering threw. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    const served = [...this.#open.values()];
    for (const connection of this.#open.keys()) connection.destroy();
    await Promise.all([freed, ...served]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #accept(socket: Socket): void {
    if (this.#stopped) return void socket.destroy();
    const connection = new Connection(socket, ++this.#connections, () => {
      this.#open.delete(connection);
      this.#busy.delete(connection);
    });
    const served = this.#serve(connection).catch((error) => {
      this.#failure ??= error;
      connection.destroy();
    });
    this.#open.set(connection, served);
  }

  async #serve(connection: Connection): Promise<void> {
    for (let goesOn = true; goesOn;) {
      const text = await connection.nextHead();
      const head = text === undefined ? undefined : parseRequestHead(text);
      if (head === undefined) return connection.end();
      const act = await this.#answer({
        ...head,
        connection: connection.number,
        earlierOpen: () => [...this.#open.keys()].filter(({ number }) => number < connection.number).length,
        busy: () => this.#busy.size,
        sleep: (ms) => connection.sleep(ms),
      });
      if (act === "silence") return;
      if (act === "close") return connection.end();
      if (act === "reset") return connection.reset();
      goesOn = await this.#send(connection, act, head);
    }
  }

  async #send(
    connection: Connection,
    response: RawResponse,
    { method, isHttp10 }: RequestHead,
  ): Promise<boolean> {
    const { head, body = new Uint8Array(), framing = "plain", closes = false, cut, isPaced = false } =
      response;
    if (connection.closed) return false;
    if (isPaced) this.#busy.add(connection);
    await writeText(connection, `${head.join("\r\n")}\r\n\r\n`);
    const length = method === "HEAD" ? 0 : body.length;
    const isCut = cut !== undefined && cut.after < length;
    const end = isCut ? cut.after : length;
    for (let position = 0; position < end && !connection.closed;) {
      const bytes = body.subarray(position, Math.min(end, position + WRITE_BYTES));
      await this.onBody(bytes.length);
      if (framing !== "plain") await writeText(connection, `${bytes.length.toString(16)}\r\n`);
      await connection.write(bytes);
      if (framing !== "plain") await writeText(connection, "\r\n");
      if (isPaced) await connection.sleep(PACE_MS);
      position += bytes.length;
    }
    this.#busy.delete(connection);
    if (isCut) {
      if (cut.how === "close") connection.end();
      else connection.reset();
      return false;
    }
    if (framing !== "plain" && method !== "HEAD") {
      await writeText(connection, framing === "chunked" ? "0\r\n\r\n" : "0\r\nX-Trailer: 1\r\n\r\n");
    }
    const isLast = closes || isHttp10;
    if (isLast) connection.end();
    return !isLast;
  }
}

function writeText(connection: Connection, text: string): Promise<void> {
  return connection.write(Buffer.from(text, "latin1"));
}
