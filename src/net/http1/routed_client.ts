import { DownloadError } from "../../errors.ts";
import { onAbort } from "../../lib/on_abort.ts";
import type { Clock, Connection, HttpClient, HttpResponse, RequestOptions } from "../../runtime/runtime.ts";
import { MAX_ANSWERS, type Route } from "../connect/routes.ts";
import { framingOf, isPersistent } from "./body.ts";
import { bodyOf, type Exchange, explain } from "./body_stream.ts";
import { HttpConnection } from "./http_connection.ts";
import { IdlePool, type IdlePoolOptions } from "./idle_pool.ts";
import { requestHead, type RequestTarget, targetOf } from "./request_head.ts";
import { readResponseHead, type ResponseHead } from "./response_head.ts";

/** Key of the connections to a proxy that forwards requests. */
const FORWARDER = "forwarder";

/** Sends requests over connections of our own, which a route opens. */
export class RoutedClient implements HttpClient {
  readonly #route: Route;
  readonly #clock: Clock;
  readonly #pool: IdlePool;

  /** A client for URLs of one scheme. For `https:`, `route` does TLS. */
  constructor(route: Route, clock: Clock, options: IdlePoolOptions) {
    this.#route = route;
    this.#clock = clock;
    this.#pool = new IdlePool(options);
  }

  /** Repeats the request if a proxy wants another kind of credentials. */
  async get(url: string, { headers, signal }: RequestOptions): Promise<HttpResponse> {
    const target = targetOf(url);
    const login = this.#route.forwarder?.login;
    for (let answers = 0;; answers++) {
      signal.throwIfAborted();
      const response = await this.#send(target, this.#headFor(target, headers), signal);
      if (response.status !== 407) login?.accept();
      else if (answers < MAX_ANSWERS && login?.takeUp(response.headers.get("proxy-authenticate"))) {
        await response.body?.cancel();
        continue;
      }
      return response;
    }
  }

  /** Closes idle connections. The next request opens a new one. */
  close(): void {
    this.#pool.closeIdle();
  }

  /** Closes idle connections, and keeps none from now on. */
  closeForGood(): void {
    this.#pool.close();
  }

  #headFor(target: RequestTarget, given: Headers): Uint8Array {
    const headers = new Headers(given);
    if (!headers.has("accept")) headers.set("accept", "*/*");
    headers.set("connection", this.#pool.isKeeping ? "keep-alive" : "close");
    const { forwarder } = this.#route;
    const place = forwarder === undefined ? target.path : target.absolute;
    const authorization = forwarder?.login.fieldFor("GET", place);
    if (authorization !== undefined) headers.set("proxy-authorization", authorization);
    return requestHead(place, [["host", target.authority], ...headers]);
  }

  /**
   * A server may close an idle connection while the request is on its way, or send surplus bytes of the body
   * before. So a reused connection without a proper answer is no failure. A new one follows.
   */
  async #send(target: RequestTarget, head: Uint8Array, signal: AbortSignal): Promise<HttpResponse> {
    const idle = this.#pool.take(this.#placeOf(target));
    if (idle !== undefined) {
      const response = await this.#exchange({ connection: idle, target, signal, clock: this.#clock }, head)
        .catch((error) => {
          if (signal.aborted || (idle.hasAnswered && !isMalformed(error))) throw error;
          return undefined;
        });
      if (response !== undefined) return response;
    }
    const connection = new HttpConnection(await this.#open(target, signal));
    return await this.#exchange({ connection, target, signal, clock: this.#clock }, head);
  }

  #open({ host, port }: RequestTarget, signal: AbortSignal): Promise<Connection> {
    return (this.#route.forwarder ?? this.#route).open(signal, host, port);
  }

  #placeOf({ host, port }: RequestTarget): string {
    return this.#route.forwarder === undefined ? `${host}:${port}` : FORWARDER;
  }

  async #exchange(exchange: Exchange, request: Uint8Array): Promise<HttpResponse> {
    const { connection, target, signal } = exchange;
    const stopping = onAbort(signal, () => connection.close());
    try {
      const head = await this.#ask(connection, request);
      signal.throwIfAborted();
      return this.#receive(exchange, head, stopping);
    } catch (error) {
      stopping[Symbol.dispose]();
      connection.close();
      throw explain(error, target, signal);
    }
  }

  async #ask(connection: HttpConnection, request: Uint8Array): Promise<ResponseHead> {
    // A server may answer and close before it has read the request; its answer counts.
    const sent = connection.send(request).then(() => undefined, (error: unknown) => ({ error }));
    const head = await readResponseHead(connection).catch(async (error) => {
      throw connection.hasAnswered ? error : (await sent)?.error ?? error;
    });
    if (head !== undefined) return head;
    throw (await sent)?.error ?? new Error("the server closed it without an answer");
  }

  #receive(exchange: Exchange, head: ResponseHead, stopping: Disposable): HttpResponse {
    const { status, headers } = head;
    const framing = framingOf(head);
    const finish = (): void => {
      stopping[Symbol.dispose]();
      if (isPersistent(head, framing) && !exchange.connection.hasRest) {
        this.#pool.put(this.#placeOf(exchange.target), exchange.connection);
      } else exchange.connection.close();
    };
    if (framing.kind !== "length" || framing.length > 0) {
      return { status, headers, ...bodyOf(exchange, framing, finish) };
    }
    finish();
    return { status, headers, body: null };
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof DownloadError && error.code === "bad_response";
}
