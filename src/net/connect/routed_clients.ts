import type { ProxyServer, ResolvedNetwork } from "../../options/resolved_options.ts";
import type { HttpClient, Runtime } from "../../runtime/runtime.ts";
import { Dialer } from "./dialer.ts";
import { targetOf } from "../http1/request_head.ts";
import { RoutedClient } from "../http1/routed_client.ts";
import { Resolver } from "../dns/resolver.ts";
import { isForwarding, ProxyError } from "../proxy/proxy_check.ts";
import { directRoute, httpProxyRoute, type Route, securedRoute, socksRoute } from "./routes.ts";

/** Settings of routed clients. */
export interface RoutedClientsOptions {
  readonly runtime: Pick<Runtime, "network" | "clock">;
  readonly network: ResolvedNetwork;
}

/** Time limit of each query to each server. On Deno a datagram to a closed port is not reported. */
const DNS_TIMEOUT_MS = 2000;
const HTTP_PORT = 80;

/** The clients on connections of our own, made when needed: one for each way and scheme. */
export class RoutedClients {
  readonly #options: RoutedClientsOptions;
  readonly #resolver: Resolver;
  readonly #dialer: Dialer;
  readonly #clients = new Map<string, RoutedClient>();

  constructor(options: RoutedClientsOptions) {
    this.#options = options;
    this.#resolver = this.#createResolver(options.network);
    this.#dialer = this.#createDialer(this.#resolver);
  }

  /**
   * A client for a URL, through `proxy`. It shows the client certificate only if it is `isIdentified`. Throws a
   * `DownloadError` if the proxy would look up a name whose address is fixed.
   */
  clientFor(url: URL, proxy: ProxyServer | undefined, isIdentified: boolean): HttpClient {
    const isPlain = url.protocol === "http:";
    if (isPlain && proxy !== undefined && isForwarding(proxy)) this.#requireNoFixedAddress(url, proxy);
    return this.#keep(`${url.protocol} ${isIdentified} ${JSON.stringify(proxy)}`, () => {
      const way = this.#routeThrough(proxy);
      return isPlain ? way : this.#secured(way, isIdentified);
    });
  }

  /** Whether the server of an https: URL agrees to HTTP/2, and not to HTTP/1.1. `false` if it does not answer. */
  async speaksHttp2Only(url: URL, proxy: ProxyServer | undefined, signal: AbortSignal): Promise<boolean> {
    const { host, port } = targetOf(url.href);
    const agreesTo = async (protocol: string): Promise<boolean> => {
      const route = this.#secured(this.#routeThrough(proxy), false, protocol);
      const connection = await route.open(signal, host, port);
      connection.close();
      return connection.protocol === protocol;
    };
    try {
      return await agreesTo("h2") && !await agreesTo("http/1.1");
    } catch {
      return false; // what failed before is reported
    }
  }

  /** Closes idle connections; later requests open new ones. */
  closeIdle(): void {
    for (const client of this.#clients.values()) client.close();
  }

  /** Closes idle connections for good. */
  close(): void {
    for (const client of this.#clients.values()) client.closeForGood();
  }

  #requireNoFixedAddress({ hostname, port }: URL, proxy: ProxyServer): void {
    if (!this.#resolver.isFixed(hostname, Number(port || HTTP_PORT))) return;
    const reason = `it looks up the names in http: URLs, so the fixed address of ${hostname} cannot be used`;
    throw new ProxyError(proxy, reason, false);
  }

  #createDialer(resolver: Resolver): Dialer {
    const { runtime: { network, clock }, network: { localAddress } } = this.#options;
    return new Dialer({ network, clock, resolver, localAddress });
  }

  /** A client for the DoH servers. The system looks up their own names, if their addresses are not fixed. */
  #bootstrap(): HttpClient {
    const { network } = this.#options;
    return this.#keep("bootstrap", () => {
      const system = { ...network, dnsServers: [], dohServers: [] };
      return this.#secured(directRoute(this.#createDialer(this.#createResolver(system))), false);
    });
  }

  #secured(route: Route, isIdentified: boolean, protocol?: string): Route {
    const { runtime, network: { tls } } = this.#options;
    const identity = isIdentified ? tls.identity : undefined;
    return securedRoute(route, runtime.network, { ...tls, identity, ...(protocol && { protocol }) });
  }

  #createResolver({ dohServers, dnsServers, overrides, enableIpv6 }: ResolvedNetwork): Resolver {
    const { network, clock } = this.#options.runtime;
    return new Resolver({
      network,
      clock,
      dohServers,
      fetchDoh: async (url, message, signal) => {
        // Loaded here, because most runs query no DoH server.
        const { dohOver } = await import("../dns/doh.ts");
        return await dohOver(this.#bootstrap())(url, message, signal);
      },
      servers: dnsServers,
      overrides,
      families: enableIpv6 ? "all" : "ipv4",
      timeoutMs: DNS_TIMEOUT_MS,
    });
  }

  #routeThrough(proxy: ProxyServer | undefined): Route {
    if (proxy === undefined) return directRoute(this.#dialer);
    const { runtime: { network }, network: { tls: { ca } } } = this.#options;
    const parts = { dialer: this.#dialer, resolver: this.#resolver, network, ca };
    return isForwarding(proxy) ? httpProxyRoute(parts, proxy) : socksRoute(parts, proxy);
  }

  #keep(key: string, createRoute: () => Route): RoutedClient {
    const { runtime, network } = this.#options;
    const limits = { maxIdlePerHost: network.poolMaxIdlePerHost, idleTimeoutMs: network.poolIdleTimeoutMs };
    const client = this.#clients.get(key) ?? new RoutedClient(createRoute(), runtime.clock, limits);
    this.#clients.set(key, client);
    return client;
  }
}
