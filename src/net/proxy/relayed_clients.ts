import type { ProxyServer, ResolvedNetwork } from "../../options/resolved_options.ts";
import type { HttpClient, HttpClientOptions, Runtime } from "../../runtime/runtime.ts";
import { Dialer } from "../connect/dialer.ts";
import { dohOver } from "../dns/doh.ts";
import { RelayedClient, type Scheme } from "./relayed_client.ts";
import { Resolver } from "../dns/resolver.ts";
import { directRoute, httpProxyRoute, type Route, securedRoute, socksRoute } from "../connect/routes.ts";

/** Settings of relayed clients. */
export interface RelayedClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
  readonly clientOptions: HttpClientOptions;
  /** The runtime's own client. */
  readonly direct: () => HttpClient;
}

/** Time limit of each query to each server. On Deno a datagram to a closed port is not reported. */
const DNS_TIMEOUT_MS = 2000;

/** Clients for connections that the runtime's client cannot open itself, made when needed. */
export class RelayedClients {
  readonly #options: RelayedClientsOptions;
  readonly #resolver: Resolver;
  readonly #dialer: Dialer;
  readonly #clients = new Map<string, RelayedClient>();

  constructor(options: RelayedClientsOptions) {
    this.#options = options;
    this.#resolver = this.#createResolver(options.network);
    this.#dialer = this.#createDialer(this.#resolver);
  }

  /** A client for URLs of one scheme, through `proxy`. */
  clientFor(scheme: Scheme, proxy: ProxyServer | undefined): HttpClient {
    const { runtime, network: { tls } } = this.#options;
    return this.#keep(`${scheme} ${JSON.stringify(proxy)}`, scheme, () => {
      const way = this.#routeThrough(proxy);
      return scheme === "http:" ? way : securedRoute(way, runtime.network, tls);
    });
  }

  /** Closes idle connections; later requests open new ones. */
  closeIdle(): void {
    for (const client of this.#clients.values()) client.closeIdle();
  }

  /** Closes idle connections for good. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #createDialer(resolver: Resolver): Dialer {
    const { runtime: { network, clock }, network: { localAddress } } = this.#options;
    return new Dialer({ network, clock, resolver, localAddress });
  }

  /** A client for the DoH servers. The system looks up their own names. */
  #bootstrap(): HttpClient {
    const { runtime, network, hasEnvironmentProxies, direct } = this.#options;
    const isMisled = runtime.followsEnvironment && hasEnvironmentProxies;
    if (network.enableIpv6 && network.localAddress === undefined && !isMisled) return direct();
    return this.#keep("bootstrap", "https:", () => {
      const system = { ...network, dnsServers: [], dohServers: [], overrides: new Map() };
      const dialer = this.#createDialer(this.#createResolver(system));
      return securedRoute(directRoute(dialer), runtime.network, network.tls);
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
        return httpProxyRoute(this.#dialer, proxy, runtime.network, network.tls);
      case "socks5":
      case "socks5h":
        return socksRoute(this.#dialer, this.#resolver, proxy);
    }
  }

  #keep(key: string, scheme: Scheme, createRoute: () => Route): RelayedClient {
    const { runtime, clientOptions } = this.#options;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = new RelayedClient(runtime, clientOptions, createRoute(), scheme);
      this.#clients.set(key, client);
    }
    return client;
  }
}
