import { DownloadError } from "../errors.ts";
import { OptionTypeError } from "../option_error.ts";
import type { ProxyRules, ProxyServer, ResolvedNetwork } from "../options/resolved_options.ts";
import type { HttpClient, HttpClientOptions, RequestOptions, Runtime } from "../runtime/runtime.ts";
import { chooseProxy } from "../options/proxy.ts";
import { proxyFailed, refusalOf } from "./proxy/proxy_check.ts";
import type { Scheme } from "./proxy/relayed_client.ts";
import type { RelayedClients } from "./proxy/relayed_clients.ts";
import { RenewableClient } from "./renewable_client.ts";

/** What the clients of one downloader have in common. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

/**
 * The clients of one downloader: one for each way to a server, made when it is needed. The runtime's client is used
 * where it can do what is asked, and goes through a relay where it cannot.
 */
export class NetworkClients {
  readonly #options: NetworkClientsOptions;
  readonly #clientOptions: HttpClientOptions;
  #direct: HttpClient | undefined;
  #relayed: RelayedClients | undefined;
  /** Hosts that the runtime's client did not reach in time; it waits long for an address that is silent. */
  readonly #slowHosts = new Set<string>();
  /** Hosts that answered: there a request that got no answer in time, or was given up, says nothing of addresses. */
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

  /** Rejects with a `TypeError` when connections are to come from an address that this machine does not have. */
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

  /** A client that takes the proxies that `rules` say. */
  clientFor(rules: ProxyRules | undefined): HttpClient {
    return { get: (url, options) => this.#get(url, options, rules), close: () => this.closeIdle() };
  }

  /** Closes idle connections. Those that serve go on, and later requests open new ones. */
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
    // The proxy that answers in its own name.
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
    // Without the power to use it the relay is no help.
    const isSlow = this.#slowHosts.has(url.host) && runtime.network.isUnrestricted();
    const isPlain = proxy === undefined && !this.#isCustom(url) && !isMisled && !isSlow;
    if (isPlain && runtime.canFetch(url)) return this.#openDirect();
    runtime.network.requireUnrestricted(url.host);
    const relayed = await this.#loadRelayed();
    return relayed.clientFor(url.protocol as Scheme, proxy);
  }

  /** Whether connections are to be opened in a way that the runtime's client has no setting for. */
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

  /** Most runs need no relay, and there is much to load. */
  async #loadRelayed(): Promise<RelayedClients> {
    const { RelayedClients } = await import("./proxy/relayed_clients.ts");
    return this.#relayed ??= new RelayedClients({
      ...this.#options,
      clientOptions: this.#clientOptions,
      direct: () => this.#openDirect(),
    });
  }
}
