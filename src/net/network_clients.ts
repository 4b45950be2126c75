import { DownloadError } from "../errors.ts";
import { OptionTypeError } from "../option_error.ts";
import type { ProxyRules, ProxyServer, ResolvedNetwork } from "../options/resolved_options.ts";
import type { HttpClient, HttpClientOptions, RequestOptions, Runtime } from "../runtime/runtime.ts";
import { chooseProxy } from "../options/proxy.ts";
import { proxyFailed, refusalOf } from "./proxy/proxy_check.ts";
import type { Scheme } from "./proxy/relayed_client.ts";
import type { RelayedClients } from "./proxy/relayed_clients.ts";
import { RenewableClient } from "./renewable_client.ts";

/** Settings of all clients of one downloader. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

/**
 * The clients of one downloader: one for each way to a server, made when needed. The runtime's client
 * connects directly if it supports the settings, and through a relay if not.
 */
export class NetworkClients {
  readonly #options: NetworkClientsOptions;
  readonly #clientOptions: HttpClientOptions;
  #direct: HttpClient | undefined;
  #relayed: RelayedClients | undefined;
  /**
   * Hosts that the runtime's client did not reach in time. It waits long for an address that does not answer.
   */
  readonly #slowHosts = new Set<string>();
  /** Hosts that a request reached through the relay. They stay there: a server may count connections, idle ones too. */
  readonly #relayedHosts = new Set<string>();
  /** Hosts that have answered before. A later timeout or abort there does not mean an unreachable address. */
  readonly #reachedHosts = new Set<string>();

  constructor(options: NetworkClientsOptions) {
    this.#options = options;
    const { network } = options;
    this.#clientOptions = {
      maxIdlePerHost: network.poolMaxIdlePerHost,
      idleTimeoutMs: network.poolIdleTimeoutMs,
      ca: network.tls.ca,
      identity: network.tls.identity,
      proxy: undefined,
    };
  }

  /** Rejects with a `TypeError` when `localAddress` is not an address of this machine. */
  async check(): Promise<void> {
    const { runtime, network: { localAddress } } = this.#options;
    if (localAddress === undefined) return;
    runtime.network.requireUnrestricted("a server");
    if (await runtime.network.isLocal(localAddress)) return;
    throw new OptionTypeError({
      option: "localAddress",
      subject: `localAddress "${localAddress}"`,
      problem: "this machine has no such address",
      value: localAddress,
    });
  }

  /** A client that uses the proxies of `rules`. */
  clientFor(rules: ProxyRules | undefined): HttpClient {
    return { get: (url, options) => this.#get(url, options, rules), close: () => this.closeIdle() };
  }

  /** Closes idle connections. Active connections continue, and later requests open new ones. */
  closeIdle(): void {
    this.#direct?.close();
    this.#relayed?.closeIdle();
  }

  /** Closes idle connections for good. */
  close(): void {
    this.#direct?.close();
    this.#relayed?.close();
  }

  async #get(text: string, options: RequestOptions, rules: ProxyRules | undefined): Promise<Response> {
    const url = new URL(text);
    const proxy = chooseProxy(url, rules);
    // A proxy that forwards requests, and may answer with its own refusal.
    const forwarder = url.protocol === "http:" && proxy?.protocol.startsWith("http") ? proxy : undefined;
    const client = await this.#choose(url, proxy);
    options.signal.throwIfAborted();
    try {
      const response = await client.get(text, options);
      if (proxy === undefined) this.#reachedHosts.add(url.host);
      const refusal = forwarder &&
        refusalOf(forwarder, response.status, response.headers.get("proxy-authenticate"));
      if (refusal === undefined) return response;
      await response.body?.cancel();
      throw refusal;
    } catch (error) {
      const isSilent = options.signal.aborted && !this.#reachedHosts.has(url.host);
      if (isSilent && proxy === undefined) this.#slowHosts.add(url.host);
      const isKnown = error instanceof DownloadError && error.code !== "bad_response";
      if (forwarder === undefined || isKnown || options.signal.aborted) throw error;
      throw proxyFailed(forwarder, "it gave no answer that makes sense", true);
    }
  }

  async #choose(url: URL, proxy: ProxyServer | undefined): Promise<HttpClient> {
    const { runtime, hasEnvironmentProxies } = this.#options;
    const isMisled = runtime.followsEnvironment && hasEnvironmentProxies;
    // The relay cannot connect without the permission for every address.
    const isSlow = this.#slowHosts.has(url.host) && runtime.network.isUnrestricted();
    const isPlain = proxy === undefined && !this.#isCustom(url) && !isMisled && !isSlow;
    if (isPlain && runtime.canFetch(url) && !this.#relayedHosts.has(url.host)) return this.#openDirect();
    runtime.network.requireUnrestricted(url.host);
    if (!this.#relayedHosts.has(url.host)) this.#direct?.close();
    this.#relayedHosts.add(url.host);
    const relayed = await this.#loadRelayed();
    return relayed.clientFor(url.protocol as Scheme, proxy);
  }

  /** Whether a setting needs connections that the runtime's client cannot open. */
  #isCustom({ protocol }: URL): boolean {
    const { dnsServers, dohServers, overrides, enableIpv6, localAddress, tls } = this.#options.network;
    return dnsServers.length + dohServers.length + overrides.size > 0 || !enableIpv6 ||
      localAddress !== undefined || (tls.insecure && protocol === "https:");
  }

  #openDirect(): HttpClient {
    return this.#direct ??= new RenewableClient(() =>
      this.#options.runtime.createHttpClient(this.#clientOptions)
    );
  }

  /** Loads the relay when needed: most runs do not need it, and its modules are large. */
  async #loadRelayed(): Promise<RelayedClients> {
    const { RelayedClients } = await import("./proxy/relayed_clients.ts");
    return this.#relayed ??= new RelayedClients({
      ...this.#options,
      clientOptions: this.#clientOptions,
      direct: () => this.#openDirect(),
    });
  }
}
