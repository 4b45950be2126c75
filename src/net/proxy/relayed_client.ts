import { DownloadError } from "../../errors.ts";
import type {
  Connection,
  HttpClient,
  HttpClientOptions,
  RequestOptions,
  Runtime,
} from "../../runtime/runtime.ts";
import type { ProxyLogin } from "./proxy_login.ts";
import { PROOF_FIELD, Relay, type RelayAddress } from "./relay.ts";
import { TARGET_FIELD } from "./request_head.ts";
import { RenewableClient } from "../renewable_client.ts";
import { MAX_ANSWERS, type Route } from "../connect/routes.ts";
import { withoutBrackets } from "../../lib/ip_address.ts";

const PORTS = { "http:": 80, "https:": 443 } as const;

/** URL schemes. */
export type Scheme = keyof typeof PORTS;

/** Sends requests over connections of a route, and reports why the route could not open one. */
export class RelayedClient implements HttpClient {
  readonly #runtime: Runtime;
  readonly #options: HttpClientOptions;
  readonly #relay: Relay;
  /** The login for a proxy that forwards requests. */
  readonly #login: ProxyLogin | undefined;
  readonly #hosts: string[] = [];
  /** Stand-ins for which the relay has answered the challenge. */
  readonly #proven = new Set<string>();
  readonly #failures = new Map<string, { readonly error: unknown; readonly atMs: number }>();
  #client: HttpClient | undefined;
  #address: RelayAddress | undefined;

  /** A client for URLs of one scheme. For `https:`, `route` does TLS. */
  constructor(runtime: Runtime, options: HttpClientOptions, route: Route, scheme: Scheme) {
    this.#runtime = runtime;
    this.#options = options;
    this.#login = route.forwarder?.login;
    this.#relay = new Relay(runtime.network, this.#remembering(route), PORTS[scheme]);
  }

  async get(url: string, options: RequestOptions): Promise<Response> {
    const { clock } = this.#runtime;
    const startedMs = clock.monotonicMs();
    const { host } = new URL(url);
    const target = targetOf(url);
    const client = this.#client ?? await this.#start();
    options.signal.throwIfAborted();
    const standIn = this.#standIn(host);
    if (!this.#proven.has(standIn)) await this.#prove(client, standIn, host, options.signal);
    const headers = new Headers(options.headers);
    headers.set("host", host);
    headers.set(TARGET_FIELD, target);
    try {
      const place = `http://${standIn}${target}`;
      return await this.#getAnswering(() => client.get(place, { headers, signal: options.signal }));
    } catch (error) {
      const failure = this.#failures.get(placeOf(url));
      throw failure !== undefined && failure.atMs >= startedMs ? failure.error : error;
    }
  }

  /** Closes idle connections. The next request opens a new one. */
  closeIdle(): void {
    this.#client?.close();
  }

  close(): void {
    this.#client?.close();
    this.#relay.close();
  }

  /** Repeats the request if a proxy wants another kind of credentials. */
  async #getAnswering(get: () => Promise<Response>): Promise<Response> {
    for (let answers = 0;; answers++) {
      const response = await get();
      if (response.status !== 407) this.#login?.accept();
      else if (answers < MAX_ANSWERS && this.#login?.takeUp(response.headers.get("proxy-authenticate"))) {
        await response.body?.cancel();
        continue;
      }
      return response;
    }
  }

  /**
   * An address that stands for the host, so that the client has separate connections for each host. With the
   * name Deno would make a DNS query, although the relay finds the address. It is a multicast address (RFC
   * 2365), to which no system opens a TCP connection. So a request that misses the relay reaches no server.
   */
  #standIn(host: string): string {
    const known = this.#hosts.indexOf(host);
    const number = known < 0 ? this.#hosts.push(host) - 1 : known;
    return `239.1.${number >> 8 & 0xff}.${number & 0xff}`;
  }

  /**
   * Checks, before anything of the caller's is sent, that the runtime sends requests for a stand-in to the
   * relay. Deno obeys NO_PROXY of the environment, even when this program may not read it.
   */
  async #prove(client: HttpClient, standIn: string, host: string, signal: AbortSignal): Promise<void> {
    const { challenge, proof } = this.#address!;
    let answer: Response | undefined;
    try {
      answer = await client.get(`http://${standIn}/`, { headers: new Headers({ host: challenge }), signal });
    } catch (error) {
      // No connection to the stand-in: the request did not go to the relay.
      if (!(error instanceof DownloadError && error.code === "connect")) throw error;
    }
    await answer?.body?.cancel();
    if (answer?.headers.get(PROOF_FIELD) !== proof) throw misled(host, standIn);
    this.#proven.add(standIn);
  }

  async #start(): Promise<HttpClient> {
    this.#address = await this.#relay.start();
    const { port, username, password } = this.#address;
    const proxy = { url: `http://127.0.0.1:${port}`, username, password };
    this.#client ??= new RenewableClient(() => this.#runtime.createHttpClient({ ...this.#options, proxy }));
    return this.#client;
  }

  #remembering(route: Route): Route {
    const note = (host: string, port: number, error: unknown): never => {
      this.#failures.set(`${host}:${port}`, { error, atMs: this.#runtime.clock.monotonicMs() });
      throw error;
    };
    const remember = async (host: string, port: number, open: () => Promise<Connection>) => {
      const connection = await open().catch((error) => note(host, port, error));
      // With TLS 1.3 a server refuses our certificate only after the handshake, so reads can fail with it.
      const read = () =>
        connection.read().catch((error) => {
          if (error instanceof DownloadError) note(host, port, error);
          throw error;
        });
      return {
        read,
        write: (bytes: Uint8Array) => connection.write(bytes),
        end: () => connection.end(),
        close: () => connection.close(),
        reset: () => connection.reset(),
      };
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

/** Path and query, unchanged. */
function targetOf(url: string): string {
  const full = new URL(url);
  full.hash = "";
  return full.href.slice(full.href.indexOf("/", `${full.protocol}//`.length));
}

function misled(host: string, standIn: string): DownloadError {
  return new DownloadError(
    "network",
    `Cannot reach ${host} in the way that was asked for: the runtime would not go that way, which is so when ` +
      `NO_PROXY in the environment has an entry that covers ${standIn}; run it without that entry`,
  );
}

function placeOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${withoutBrackets(hostname)}:${port || PORTS[protocol as Scheme]}`;
}
