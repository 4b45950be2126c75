import type { HttpClient, HttpClientOptions, RequestOptions, Runtime } from "../runtime/runtime.ts";
import { Relay } from "./relay.ts";
import type { Route } from "./routes.ts";

/** Sends requests over connections that a route of our own opens, and knows why it could not. */
export class RelayedClient implements HttpClient {
  readonly #runtime: Runtime;
  readonly #options: HttpClientOptions;
  readonly #relay: Relay;
  readonly #failures = new Map<string, { readonly error: unknown; readonly atMs: number }>();
  #client: HttpClient | undefined;

  constructor(runtime: Runtime, options: HttpClientOptions, route: Route) {
    this.#runtime = runtime;
    this.#options = options;
    this.#relay = new Relay(runtime.network, this.#remembering(route));
  }

  async get(url: string, options: RequestOptions): Promise<Response> {
    const { clock } = this.#runtime;
    const startedMs = clock.monotonicMs();
    const client = this.#client ?? await this.#start();
    options.signal.throwIfAborted();
    try {
      return await client.get(url, options);
    } catch (error) {
      const failure = this.#failures.get(placeOf(url));
      throw failure !== undefined && failure.atMs >= startedMs ? failure.error : error;
    }
  }

  close(): void {
    this.#client?.close();
    this.#relay.close();
  }

  async #start(): Promise<HttpClient> {
    const { port, username, password } = await this.#relay.start();
    const proxy = { url: `http://127.0.0.1:${port}`, username, password };
    this.#client ??= this.#runtime.createHttpClient({ ...this.#options, proxy });
    return this.#client;
  }

  #remembering(route: Route): Route {
    const remember = async <T>(host: string, port: number, open: () => Promise<T>): Promise<T> => {
      try {
        return await open();
      } catch (error) {
        this.#failures.set(`${host}:${port}`, { error, atMs: this.#runtime.clock.monotonicMs() });
        throw error;
      }
    };
    const { forwarder } = route;
    return {
      open: (signal, host, port) => remember(host, port, () => route.open(signal, host, port)),
      ...(forwarder && {
        forwarder: {
          ...forwarder,
          open: (signal: AbortSignal, host: string, port: number) =>
            remember(host, port, () => forwarder.open(signal, host, port)),
        },
      }),
    };
  }
}

function placeOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname.replace(/^\[|\]$/g, "")}:${port || (protocol === "https:" ? 443 : 80)}`;
}
