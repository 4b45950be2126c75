import type { ProxyRules, ProxyServer, ResolvedNetwork } from "../resolved_options.ts";
import type { HttpClient, HttpClientOptions, RequestOptions, Runtime } from "../runtime/runtime.ts";
import { Dialer } from "./dialer.ts";
import { dohOver } from "./doh.ts";
import { ProxiedClient } from "./proxied_client.ts";
import { chooseProxy } from "./proxy.ts";
import { describeProxy, refusalOf } from "./proxy_check.ts";
import { RelayedClient } from "./relayed_client.ts";
import { Resolver } from "./resolver.ts";
import { directRoute, httpProxyRoute, type Route, socksRoute, unverifiedRoute } from "./routes.ts";

/** What the clients of one downloader have in common. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

const DNS_TIMEOUT_MS = 5000;

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
    this.#resolver = new Resolver({
      network: runtime.network,
      clock,
      dohServers: network.dohServers,
      fetchDoh: (url, message, signal) => dohOver(this.#direct())(url, message, signal),
      servers: network.dnsServers,
      overrides: network.overrides,
      families: network.enableIpv6 ? "all" : "ipv4",
      timeoutMs: DNS_TIMEOUT_MS,
    });
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
    if (this.#options.network.tls.insecure && url.protocol === "https:") {
      // The relay speaks TLS in our place.
      const port = url.port || "443";
      const client = this.#unverified(proxy);
      return await client.get(`http://${url.hostname}:${port}${url.pathname}${url.search}`, options);
    }
    const client = this.#choose(url, proxy);
    try {
      const response = await client.get(text, options);
      if (proxy === undefined) this.#reachedHosts.add(url.host);
      const refusal = proxy && refusalOf(proxy, response.status);
      if (refusal === undefined) return response;
      await response.body?.cancel();
      throw refusal;
    } catch (error) {
      const isSilent = options.signal.aborted && !this.#reachedHosts.has(url.host);
      if (isSilent && proxy === undefined) this.#slowHosts.add(url.host);
      throw error;
    }
  }

  #choose(url: URL, proxy: ProxyServer | undefined): HttpClient {
    if (proxy?.protocol === "http" && !this.#isCustom) return this.#proxied(proxy);
    if (proxy !== undefined || this.#isCustom) return this.#relayed(proxy);
    const { runtime, hasEnvironmentProxies } = this.#options;
    const isMisled = runtime.followsEnvironment && hasEnvironmentProxies;
    return isMisled || this.#slowHosts.has(url.host) ? this.#relayed(undefined) : this.#direct();
  }

  /** Whether connections are to be opened in a way that the runtime's client has no setting for. */
  get #isCustom(): boolean {
    const { dnsServers, dohServers, overrides, enableIpv6, localAddress } = this.#options.network;
    return dnsServers.length + dohServers.length + overrides.size > 0 || !enableIpv6 ||
      localAddress !== undefined;
  }

  #direct(): HttpClient {
    return this.#keep("direct", () => this.#options.runtime.createHttpClient(this.#clientOptions));
  }

  #proxied(proxy: ProxyServer): HttpClient {
    return this.#keep(`proxied ${keyOf(proxy)}`, () => {
      const { username, password } = proxy;
      const own = { url: describeProxy(proxy), username, password };
      const client = this.#options.runtime.createHttpClient({ ...this.#clientOptions, proxy: own });
      return new ProxiedClient(client, proxy, this.#routeThrough(proxy));
    });
  }

  #relayed(proxy: ProxyServer | undefined): HttpClient {
    return this.#keep(`relayed ${keyOf(proxy)}`, () => this.#relay(this.#routeThrough(proxy)));
  }

  #unverified(proxy: ProxyServer | undefined): HttpClient {
    return this.#keep(`unverified ${keyOf(proxy)}`, () => {
      const { runtime, network } = this.#options;
      return this.#relay(unverifiedRoute(this.#routeThrough(proxy), runtime.network, network.tls.identity));
    });
  }

  #relay(route: Route): HttpClient {
    return new RelayedClient(this.#options.runtime, this.#clientOptions, route);
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

function keyOf(proxy: ProxyServer | undefined): string {
  return JSON.stringify(proxy) ?? "";
}
