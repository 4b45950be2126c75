import { DownloadError } from "../errors.ts";
import { OptionTypeError } from "../option_error.ts";
import type { ProxyRules, ProxyServer, ResolvedNetwork } from "../options/resolved_options.ts";
import type {
  HttpClient,
  HttpClientOptions,
  HttpResponse,
  RequestOptions,
  Runtime,
} from "../runtime/runtime.ts";
import { chooseProxy } from "../options/proxy.ts";
import { proxyFailed, refusalOf } from "./proxy/proxy_check.ts";
import type { RoutedClients, Scheme } from "./connect/routed_clients.ts";
import { RenewableClient } from "./renewable_client.ts";

/** Settings of all clients of one downloader. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

/** How one request is sent. */
interface Way {
  readonly proxy: ProxyServer | undefined;
  /** Whether its server may get the client certificate. */
  readonly isIdentified: boolean;
}

/**
 * The clients of one downloader: one for each way to a server, made when needed. The runtime's client
 * connects directly if it supports the settings. All else goes over connections of our own.
 */
export class NetworkClients {
  readonly #options: NetworkClientsOptions;
  readonly #clientOptions: HttpClientOptions;
  /** Clients of the runtime, by whether they have the client certificate. */
  readonly #direct = new Map<boolean, HttpClient>();
  #routed: RoutedClients | undefined;
  /**
   * Hosts that the runtime's client did not reach in time, because it waits long for an address that does not answer,
   * and those whose response it refused.
   */
  readonly #avoidedHosts = new Set<string>();
  /** Hosts that have answered before. A later timeout or abort there does not mean an unreachable address. */
  readonly #reachedHosts = new Set<string>();
  /** Hosts that broke off their first response, and were then searched for HTTP/2. */
  readonly #probedHosts = new Set<string>();

  constructor(options: NetworkClientsOptions) {
    this.#options = options;
    const { network } = options;
    this.#clientOptions = {
      maxIdlePerHost: network.poolMaxIdlePerHost,
      idleTimeoutMs: network.poolIdleTimeoutMs,
      ca: network.tls.ca,
      identity: network.tls.identity,
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

  /** A client that uses the proxies of `rules`, and has the client certificate for `origin` alone. */
  clientFor(rules: ProxyRules | undefined, origin: string): HttpClient {
    const get = async (text: string, options: RequestOptions): Promise<HttpResponse> => {
      const url = new URL(text);
      const isIdentified = this.#clientOptions.identity !== undefined && url.origin === origin;
      return await this.#get(text, options, { proxy: chooseProxy(url, rules), isIdentified });
    };
    return { get, close: () => this.closeIdle() };
  }

  /** Closes idle connections. Active connections continue, and later requests open new ones. */
  closeIdle(): void {
    this.#closeDirect();
    this.#routed?.closeIdle();
  }

  /** Closes idle connections for good. */
  close(): void {
    this.#closeDirect();
    this.#routed?.close();
  }

  #closeDirect(): void {
    for (const client of this.#direct.values()) client.close();
  }

  async #get(text: string, options: RequestOptions, way: Way): Promise<HttpResponse> {
    const url = new URL(text);
    const { proxy } = way;
    // A proxy that forwards requests, and may answer with its own refusal.
    const forwarder = url.protocol === "http:" && proxy?.protocol.startsWith("http") ? proxy : undefined;
    try {
      const response = await this.#send(text, options, way);
      if (proxy === undefined) this.#reachedHosts.add(url.host);
      const refusal = forwarder &&
        refusalOf(forwarder, response.status, response.headers.get("proxy-authenticate"));
      if (refusal === undefined) return response;
      await response.body?.cancel();
      throw refusal;
    } catch (error) {
      const isSilent = options.signal.aborted && !this.#reachedHosts.has(url.host);
      if (isSilent && proxy === undefined) this.#avoidedHosts.add(url.host);
      await this.#requireHttp1(url, error, options, proxy);
      const isKnown = error instanceof DownloadError && error.code !== "bad_response";
      if (forwarder === undefined || isKnown || options.signal.aborted) throw error;
      throw proxyFailed(forwarder, "it gave no answer that makes sense", true);
    }
  }

  /** Throws an error that says so where a server that broke off speaks HTTP/2 only. */
  async #requireHttp1(
    url: URL,
    error: unknown,
    { signal }: RequestOptions,
    proxy: ProxyServer | undefined,
  ): Promise<void> {
    const { host, protocol } = url;
    const isKnown = this.#reachedHosts.has(host) || this.#probedHosts.has(host);
    const brokeOff = !(error instanceof DownloadError) || error.code === "network";
    const canProbe = this.#options.runtime.network.isUnrestricted();
    if (protocol !== "https:" || isKnown || !brokeOff || !canProbe || signal.aborted) return;
    this.#probedHosts.add(host);
    if (!await (await this.#loadRouted()).speaksHttp2Only(url, proxy, signal)) return;
    const reason = "it speaks HTTP/2 only, and bytehaul HTTP/1.1 only";
    throw new DownloadError("tls", `Cannot reach ${host}: ${reason}`, { reason });
  }

  /** Repeats the request over a connection of our own if the runtime's client refuses what others take. */
  async #send(text: string, options: RequestOptions, way: Way): Promise<HttpResponse> {
    const url = new URL(text);
    const client = await this.#choose(url, way);
    options.signal.throwIfAborted();
    try {
      return await client.get(text, options);
    } catch (error) {
      const { runtime } = this.#options;
      const canAvoid = client === this.#direct.get(way.isIdentified) && runtime.network.isUnrestricted();
      if (!canAvoid || options.signal.aborted || !runtime.isOwnRefusal(error)) throw error;
      this.#avoidedHosts.add(url.host);
      this.#closeDirect(); // a server may count connections, idle ones too
      return await this.#send(text, options, way);
    }
  }

  async #choose(url: URL, { proxy, isIdentified }: Way): Promise<HttpClient> {
    const { runtime } = this.#options;
    const direct = proxy === undefined && this.#canFetch(url) ? this.#openDirect(isIdentified) : undefined;
    if (direct !== undefined) return direct;
    runtime.network.requireUnrestricted(url.host);
    return (await this.#loadRouted()).clientFor(url.protocol as Scheme, proxy, isIdentified);
  }

  /** Whether the runtime's client, if there is one, can request a URL directly and with the settings. */
  #canFetch(url: URL): boolean {
    const { runtime, hasEnvironmentProxies } = this.#options;
    // Our own connections need the permission for every address.
    const isAvoided = this.#avoidedHosts.has(url.host) && runtime.network.isUnrestricted();
    return !hasEnvironmentProxies && !isAvoided && !this.#isCustom(url) && runtime.canFetch(url);
  }

  /** Whether a setting needs connections that the runtime's client cannot open. */
  #isCustom({ protocol }: URL): boolean {
    const { dnsServers, dohServers, overrides, enableIpv6, localAddress, tls } = this.#options.network;
    return dnsServers.length + dohServers.length + overrides.size > 0 || !enableIpv6 ||
      localAddress !== undefined || (tls.insecure && protocol === "https:");
  }

  #openDirect(isIdentified: boolean): HttpClient | undefined {
    const create = this.#options.runtime.createHttpClient;
    if (create === undefined) return undefined;
    const { identity, ...others } = this.#clientOptions;
    const options = { ...others, identity: isIdentified ? identity : undefined };
    const client = this.#direct.get(isIdentified) ?? new RenewableClient(() => create(options));
    this.#direct.set(isIdentified, client);
    return client;
  }

  /** Loads the module when needed: most runs on Deno do not need it, and it is large. */
  async #loadRouted(): Promise<RoutedClients> {
    const { RoutedClients } = await import("./connect/routed_clients.ts");
    return this.#routed ??= new RoutedClients(this.#options);
  }
}
