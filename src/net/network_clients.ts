import { DownloadError, PermissionError } from "../errors.ts";
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
import { isForwarding, LoginRefusal, ProxyError } from "./proxy/proxy_check.ts";
import type { RoutedClients } from "./connect/routed_clients.ts";
import { RenewableClient } from "./renewable_client.ts";

/** RFC 9110, section 15.5.8. */
const PROXY_LOGIN_REQUIRED = 407;

/** Settings of all clients of one downloader. */
export interface NetworkClientsOptions {
  readonly runtime: Runtime;
  readonly network: ResolvedNetwork;
  /** Whether the environment names proxies. */
  readonly hasEnvironmentProxies: boolean;
}

/** The way of a request. */
interface Way {
  readonly url: URL;
  readonly proxy: ProxyServer | undefined;
  /** Whether options decided about the proxy, so that none of the environment may be used. */
  readonly isDecided: boolean;
  /** Whether the server may see the client certificate. */
  readonly isIdentified: boolean;
}

/**
 * The clients of one downloader: one for each way to a server, made when needed. The runtime's client
 * connects directly if it supports the settings. All else goes over connections of our own.
 */
export class NetworkClients {
  readonly #options: NetworkClientsOptions;
  readonly #clientOptions: HttpClientOptions;
  /** The runtime's clients, by whether they show the client certificate. */
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
    if (await runtime.network.isLocal(localAddress)) return;
    throw new OptionTypeError({
      option: "localAddress",
      subject: `localAddress "${localAddress}"`,
      problem: "this machine has no such address",
      value: localAddress,
    });
  }

  /** A client that uses the proxies of `rules`, and shows the client certificate only to `origin`. */
  clientFor(rules: ProxyRules | undefined, origin: string): HttpClient {
    const hasIdentity = this.#options.network.tls.identity !== undefined;
    return {
      get: async (text, options) => {
        const url = new URL(text);
        const isIdentified = hasIdentity && url.origin === origin;
        return await this.#get(text, options, {
          url,
          proxy: chooseProxy(url, rules),
          isDecided: rules !== undefined,
          isIdentified,
        });
      },
      close: () => this.closeIdle(),
    };
  }

  /** Closes idle connections. Active connections continue, and later requests open new ones. */
  closeIdle(): void {
    for (const client of this.#direct.values()) client.close();
    this.#routed?.closeIdle();
  }

  /** Closes idle connections for good. */
  close(): void {
    for (const client of this.#direct.values()) client.close();
    this.#routed?.close();
  }

  async #get(text: string, options: RequestOptions, way: Way): Promise<HttpResponse> {
    const { url, proxy } = way;
    // A proxy that forwards requests, and may answer with its own refusal.
    const forwarder = url.protocol === "http:" && proxy && isForwarding(proxy) ? proxy : undefined;
    try {
      const response = await this.#send(text, options, way);
      if (proxy === undefined) this.#reachedHosts.add(url.host);
      if (forwarder === undefined || response.status !== PROXY_LOGIN_REQUIRED) return response;
      await response.body?.cancel();
      throw new LoginRefusal(forwarder, response.headers.get("proxy-authenticate") ?? "");
    } catch (error) {
      const isSilent = options.signal.aborted && !this.#reachedHosts.has(url.host);
      if (isSilent && proxy === undefined) this.#avoidedHosts.add(url.host);
      await this.#requireHttp1(way, error, options.signal);
      const isKnown = error instanceof DownloadError && error.code !== "bad_response";
      if (forwarder === undefined || isKnown || options.signal.aborted) throw error;
      throw new ProxyError(forwarder, "it gave no answer that makes sense", true);
    }
  }

  /** Throws an error that says so where a server that broke off its first response speaks HTTP/2 only. */
  async #requireHttp1({ url, proxy }: Way, error: unknown, signal: AbortSignal): Promise<void> {
    const { host, protocol } = url;
    const isProbed = this.#reachedHosts.has(host) || this.#probedHosts.has(host);
    if (protocol !== "https:" || isProbed || error instanceof PermissionError || signal.aborted) return;
    const brokeOff = !(error instanceof DownloadError) || error.code === "network";
    if (!brokeOff || !this.#options.runtime.network.isUnrestricted()) return;
    this.#probedHosts.add(host);
    if (!await (await this.#loadRouted()).speaksHttp2Only(url, proxy, signal)) return;
    const reason = "it speaks HTTP/2 only, and bytehaul HTTP/1.1 only";
    throw new DownloadError("tls", `Cannot reach ${host}: ${reason}`, { reason });
  }

  /** Repeats the request over a connection of our own if the runtime's client refuses what others take. */
  async #send(text: string, options: RequestOptions, way: Way): Promise<HttpResponse> {
    const { runtime: { network, isOwnRefusal } } = this.#options;
    const { url, proxy, isIdentified } = way;
    const direct = this.#directFor(way);
    if (direct === undefined) {
      network.requireUnrestricted(url);
      const routed = await this.#loadRouted();
      options.signal.throwIfAborted();
      return await routed.clientFor(url, proxy, isIdentified).get(text, options);
    }
    try {
      return await direct.get(text, options);
    } catch (error) {
      if (options.signal.aborted || !network.isUnrestricted() || !isOwnRefusal(error)) throw error;
      this.#avoidedHosts.add(url.host);
      direct.close(); // a server may count connections, idle ones too
      return await this.#send(text, options, way);
    }
  }

  /** The runtime's client, if there is one and it can send a request this way. */
  #directFor({ url, proxy, isDecided, isIdentified }: Way): HttpClient | undefined {
    const create = this.#options.runtime.createHttpClient;
    if (create === undefined || proxy !== undefined || !this.#canFetch(url, isDecided)) return undefined;
    const { identity, ...options } = this.#clientOptions;
    const client = this.#direct.get(isIdentified) ??
      new RenewableClient(() => create({ ...options, identity: isIdentified ? identity : undefined }));
    this.#direct.set(isIdentified, client);
    return client;
  }

  /** Whether the runtime's client can request a URL directly and with the settings. */
  #canFetch(url: URL, isDecided: boolean): boolean {
    const { runtime, hasEnvironmentProxies } = this.#options;
    // Our own connections need the permission for every address.
    const isAvoided = this.#avoidedHosts.has(url.host) && runtime.network.isUnrestricted();
    return !hasEnvironmentProxies && !isAvoided && !this.#isCustom(url) && runtime.canFetch(url, isDecided);
  }

  /** Whether a setting needs connections that the runtime's client cannot open. */
  #isCustom({ protocol }: URL): boolean {
    const { dnsServers, dohServers, overrides, enableIpv6, localAddress, tls } = this.#options.network;
    return dnsServers.length + dohServers.length + overrides.size > 0 || !enableIpv6 ||
      localAddress !== undefined || (tls.insecure && protocol === "https:");
  }

  /** Loads the module when needed: most runs on Deno do not need it, and it is large. */
  async #loadRouted(): Promise<RoutedClients> {
    const { RoutedClients } = await import("./connect/routed_clients.ts");
    return this.#routed ??= new RoutedClients(this.#options);
  }
}
