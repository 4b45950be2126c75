/** Which proxies requests go through. */
export interface ProxyOptions {
  /**
   * Proxy for every URL to which neither `httpProxy` nor `httpsProxy` applies: `http://`, `https://`, `socks5://`
   * (this machine looks names up) or `socks5h://` (the proxy looks names up), optionally with `user:password@`.
   */
  readonly allProxy?: string;
  /** Proxy for `http:` URLs. */
  readonly httpProxy?: string;
  /** Proxy for `https:` URLs. */
  readonly httpsProxy?: string;
  /**
   * Hosts to reach without a proxy, separated by commas: a name (its subdomains included), an IP address, or a block
   * such as `10.0.0.0/8`, each optionally with `:port`; or `*` for all.
   */
  readonly noProxy?: string;
  /**
   * `false` uses no proxy. It overrides the downloader's options and the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
   * `ALL_PROXY`, `NO_PROXY`).
   */
  readonly proxy?: false;
}

/** How servers and this machine identify themselves. Certificates and keys are PEM text. */
export interface TlsOptions {
  /** Certificates of authorities to trust in addition to those of the runtime. */
  readonly ca?: string | readonly string[];
  /** Certificate to send to servers that request one; needs `key`. */
  readonly cert?: string;
  /** Private key of `cert`. */
  readonly key?: string;
  /**
   * Accepts every certificate. Anybody between this machine and the server can then read and change everything.
   *
   * @default {false}
   */
  readonly insecure?: boolean;
}

/** How servers are reached. */
export interface NetworkOptions extends ProxyOptions {
  /** DNS servers to query in this order instead of the system's, such as `1.1.1.1` or `[2606:4700:4700::1111]:53`. */
  readonly dnsServers?: readonly string[];
  /**
   * DNS servers to query over HTTPS (RFC 8484), such as `https://dns.google/dns-query`. They are queried before
   * `dnsServers`.
   */
  readonly dohServers?: readonly string[];
  /**
   * Addresses to use for a host without a look-up: from `host:port` to one IP address or several, such as `{
   * "example.com:443": "192.0.2.1" }`. The host `*` means every host.
   */
  readonly resolve?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * `false` never connects to an IPv6 address and never looks one up.
   *
   * @default {true}
   */
  readonly enableIpv6?: boolean;
  /** IP address of this machine to connect from. */
  readonly localAddress?: string;
  /** Certificates and keys. */
  readonly tls?: TlsOptions;
  /**
   * Idle connections to keep for each host.
   *
   * @default {256}
   */
  readonly poolMaxIdlePerHost?: number;
  /**
   * Milliseconds after which an idle connection is closed.
   *
   * @default {90000}
   */
  readonly poolIdleTimeoutMs?: number;
}
