import { DownloadError } from "../errors.ts";
import type { ProxyRules, ProxyServer, ResolvedNetwork } from "../resolved_options.ts";
import type { HttpClient, HttpClientOptions, RequestOptions, Runtime } from "../runtime/runtime.ts";
import { Dialer } from "./dialer.ts";
import { dohOver } from "./doh.ts";
import { chooseProxy } from "./proxy.ts";
import { proxyFailed, refusalOf } from "./proxy_check.ts";
import { RelayedClient, type Scheme } from "./relayed_client.ts";
import { Resolver } from "./resolver.ts";
import { directRoute, httpProxyRoute, type Route, securedRoute, socksRoute } from "./routes.ts";

/** What the clients of one downloader have in common. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

/** For each try with each server; Deno does not learn that nobody listens to a datagram. */
const DNS_TIMEOUT_MS = 2000;

/**
 * The clients of one downloader: one for each way to a server, made when it is needed. The runtime's client is used
 * where it can do what is asked, and goes through a relay where it cannot.
 */
export class NetworkClients {
  readonly #options: NetworkClientsOptions;
  readonly #clientOptions: HttpClientOptions;
  readonly #resolver: Resolver;
  readonly #dialer: Dialer;
  readonly #clients = new Map<string, HttpClient>();
  /** Hosts that the runtime's client did not reach in time; it waits long for an address that is silent. */
  readonly #slowHosts = new Set<string>();
  /** Hosts that answered: there a request that got no answer in time, or was given up, says nothing of addresses. */
  readonly #reachedHosts = new Set<string>();

  constructor(options: NetworkClientsOptions) {
    const { runtime, network } = options;
    const { clock } = runtime;
    this.#options = options;
    this.#clientOptions = {
      maxIdlePerHost: network.poolMaxIdlePerHost,
      idleTimeoutMs: network.poolIdleTimeoutMs,
      ca: network.tls.ca,
      identity: network.tls.identity,
      proxy: undefined,
    };
    this.#resolver = this.#createResolver(network);
    const { localAddress } = network;
    this.#dialer = new Dialer({ network: runtime.network, clock, resolver: this.#resolver, localAddress });
  }

  /** Rejects with a `TypeError` when connections are to come from an address that this machine does not have. */
  async check(): Promise<void> {
    const { runtime, network: { localAddress } } = this.#options;
    if (localAddress === undefined || await runtime.network.isLocal(localAddress)) return;
    throw new TypeError(`Cannot use localAddress "${localAddress}": this machine has no such address`);
  }

  /** A client that takes the proxies that `rules` say. */
  clientFor(rules: ProxyRules | undefined): HttpClient {
    return { get: (url, options) => this.#get(url, options, rules), close: () => this.close() };
  }

  /** Closes idle connections. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  async #get(text: string, options: RequestOptions, rules: ProxyRules | undefined): Promise<Response> {
    const url = new URL(text);
    const proxy = chooseProxy(url, rules);
    // The proxy that answers in its own name.
    const forwarder = url.protocol === "http:" && proxy?.protocol.startsWith("http") ? proxy : undefined;
    const client = this.#choose(url, proxy);
    try {
      const response = await client.get(text, options);
      if (proxy === undefined) this.#reachedHosts.add(url.host);
      const refusal = forwarder && refusalOf(forwarder, response.status);
      if (refusal === undefined) return response;
      await response.body?.cancel();
      throw refusal;
    } catch (error) {
      const isSilent = options.signal.aborted && !this.#reachedHosts.has(url.host);
      if (isSilent && proxy === undefined) this.#slowHosts.add(url.host);
      if (forwarder === undefined || error instanceof DownloadError || options.signal.aborted) throw error;
      throw proxyFailed(forwarder, "it gave no answer that makes sense", true);
    }
  }

  #choose(url: URL, proxy: ProxyServer | undefined): HttpClient {
    const { runtime, hasEnvironmentProxies } = this.#options;
    const isMisled = runtime.followsEnvironment && hasEnvironmentProxies;
    // Without the power to use it the relay is no help.
    const isSlow = this.#slowHosts.has(url.host) && runtime.network.isUnrestricted();
    const isPlain = proxy === undefined && !this.#isCustom(url) && !isMisled && !isSlow;
    return isPlain ? this.#direct() : this.#relayed(url.protocol as Scheme, proxy);
  }

  /** Whether connections are to be opened in a way that the runtime's client has no setting for. */
  #isCustom({ protocol }: URL): boolean {
    const { dnsServers, dohServers, overrides, enableIpv6, localAddress, tls } = this.#options.network;
    return dnsServers.length + dohServers.length + overrides.size > 0 || !enableIpv6 ||
      localAddress !== undefined || (tls.insecure && protocol === "https:");
  }

  #direct(): HttpClient {
    return this.#keep("direct", () => this.#options.runtime.createHttpClient(this.#clientOptions));
  }

  /** Reaches the servers that names are looked up with, whose own names the system looks up. */
  #bootstrap(): HttpClient {
    const { runtime, network, hasEnvironmentProxies } = this.#options;
    const isMisled = runtime.followsEnvironment && hasEnvironmentProxies;
    if (network.enableIpv6 && network.localAddress === undefined && !isMisled) return this.#direct();
    return this.#keep("bootstrap", () => {
      const { localAddress, tls } = network;
      const resolver = this.#createResolver({
        ...network,
        dnsServers: [],
        dohServers: [],
        overrides: new Map(),
      });
      const dialer = new Dialer({ network: runtime.network, clock: runtime.clock, resolver, localAddress });
      const route = securedRoute(directRoute(dialer), runtime.network, tls);
      return new RelayedClient(runtime, this.#clientOptions, route, "https:");
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

  #relayed(scheme: Scheme, proxy: ProxyServer | undefined): HttpClient {
    const { runtime, network: { tls } } = this.#options;
    return this.#keep(`${scheme} ${JSON.stringify(proxy)}`, () => {
      const way = this.#routeThrough(proxy);
      const route = scheme === "http:" ? way : securedRoute(way, runtime.network, tls);
      return new RelayedClient(runtime, this.#clientOptions, route, scheme);
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

  #keep(key: string, create: () => HttpClient): HttpClient {
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = create();
      this.#clients.set(key, client);
    }
    return client;
  }
}
