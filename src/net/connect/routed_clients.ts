import type { ProxyServer, ResolvedNetwork, ResolvedTls } from "../../options/resolved_options.ts";
import type { HttpClient, Runtime } from "../../runtime/runtime.ts";
import { Dialer } from "./dialer.ts";
import { dohOver } from "../dns/doh.ts";
import { targetOf } from "../http1/request_head.ts";
import { RoutedClient } from "../http1/routed_client.ts";
import { Resolver } from "../dns/resolver.ts";
import { directRoute, httpProxyRoute, type Route, securedRoute, socksRoute } from "./routes.ts";

/** URL schemes. */
export type Scheme = "http:" | "https:";

/** Settings of routed clients. */
export interface RoutedClientsOptions {
  readonly runtime: Pick<Runtime, "network" | "clock">;
  readonly network: ResolvedNetwork;
}

/** Time limit of each query to each server. On Deno a datagram to a closed port is not reported. */
const DNS_TIMEOUT_MS = 2000;

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

  /** A client for URLs of one scheme, through `proxy`. Only with `isIdentified` it has the client certificate. */
  clientFor(scheme: Scheme, proxy: ProxyServer | undefined, isIdentified: boolean): HttpClient {
    const { runtime, network: { tls } } = this.#options;
    return this.#keep(`${scheme} ${isIdentified} ${JSON.stringify(proxy)}`, () => {
      const way = this.#routeThrough(proxy);
      if (scheme === "http:") return way;
      return securedRoute(way, runtime.network, isIdentified ? tls : withoutIdentity(tls));
    });
  }

  /** Whether the server of an https: URL agrees to HTTP/2, and not to HTTP/1.1. `false` if it does not answer. */
  async speaksHttp2Only(url: URL, proxy: ProxyServer | undefined, signal: AbortSignal): Promise<boolean> {
    const { runtime, network: { tls } } = this.#options;
    const { host, port } = targetOf(url.href);
    const agreesTo = async (protocol: string): Promise<boolean> => {
      const options = { ...withoutIdentity(tls), protocol };
      const route = securedRoute(this.#routeThrough(proxy), runtime.network, options);
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

  #createDialer(resolver: Resolver): Dialer {
    const { runtime: { network, clock }, network: { localAddress } } = this.#options;
    return new Dialer({ network, clock, resolver, localAddress });
  }

  /** A client for the DoH servers. The system looks up their own names. */
  #bootstrap(): HttpClient {
    const { runtime, network } = this.#options;
    return this.#keep("bootstrap", () => {
      const system = { ...network, dnsServers: [], dohServers: [], overrides: new Map() };
      const dialer = this.#createDialer(this.#createResolver(system));
      return securedRoute(directRoute(dialer), runtime.network, withoutIdentity(network.tls));
    });
  }

  #createResolver({ dohServers, dnsServers, overrides, enableIpv6 }: ResolvedNetwork): Resolver {
    const { network, clock } = this.#options.runtime;
    return new Resolver({
      network,
      clock,
      dohServers,
      fetchDoh: (url, message, signal) => dohOver(this.#bootstrap())(url, message, signal),
      servers: dnsServers,
      overrides,
      families: enableIpv6 ? "all" : "ipv4",
      timeoutMs: DNS_TIMEOUT_MS,
    });
  }

  #routeThrough(proxy: ProxyServer | undefined): Route {
    const { runtime, network } = this.#options;
    switch (proxy?.protocol) {
      case undefined:
        return directRoute(this.#dialer);
      case "http":
      case "https":
        return httpProxyRoute(this.#dialer, proxy, runtime.network, network.tls.ca);
      case "socks5":
      case "socks5h":
        return socksRoute(this.#dialer, this.#resolver, proxy);
    }
  }

  #keep(key: string, createRoute: () => Route): RoutedClient {
    const { runtime, network } = this.#options;
    const limits = { maxIdlePerHost: network.poolMaxIdlePerHost, idleTimeoutMs: network.poolIdleTimeoutMs };
    const client = this.#clients.get(key) ?? new RoutedClient(createRoute(), runtime.clock, limits);
    this.#clients.set(key, client);
    return client;
  }
}

/** The client certificate is for the caller's origin alone. */
function withoutIdentity(tls: ResolvedTls): ResolvedTls {
  return { ...tls, identity: undefined };
}
