/** Which proxies requests go through. */
export interface ProxyOptions {
  /**
   * Proxy for every URL that has none of its own: `http://`, `https://`, `socks5://` (names are looked up
   * here) or `socks5h://` (the proxy looks them up), perhaps with `user:password@`.
   */
  readonly allProxy?: string;
  /** Proxy for `http:` URLs. */
  readonly httpProxy?: string;
  /** Proxy for `https:` URLs. */
  readonly httpsProxy?: string;
  /**
   * Hosts to reach without a proxy, separated by commas: a name (its subdomains included), an IP address, a
   * block such as `10.0.0.0/8`, each perhaps with `:port`, or `*` for all.
   */
  readonly noProxy?: string;
  /**
   * `false` uses no proxy at all, whatever the downloader or the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
   * `ALL_PROXY`, `NO_PROXY`) says.
   */
  readonly proxy?: false;
}

/** How servers prove who they are, and how this machine does. All in PEM text. */
export interface TlsOptions {
  /** Certificates of authorities to trust beside those of the runtime. */
  readonly ca?: string | readonly string[];
  /** Certificate to show to servers that ask for one; needs `key`. */
  readonly cert?: string;
  /** Private key of `cert`. */
  readonly key?: string;
  /**
   * Accepts every certificate. Whoever sits between can then read and change everything.
   *
   * @default {false}
   */
  readonly insecure?: boolean;
}

/** How servers are reached. */
export interface NetworkOptions extends ProxyOptions {
  /** DNS servers to ask in turn instead of the system, such as `1.1.1.1` or `[2606:4700:4700::1111]:53`. */
  readonly dnsServers?: readonly string[];
  /** DNS servers to ask over HTTPS (RFC 8484), such as `https://dns.google/dns-query`; they come first. */
  readonly dohServers?: readonly string[];
  /**
   * Addresses of hosts, which then no server is asked for: from `host:port`, where `*` is every host, to one
   * IP address or several, such as `{ "example.com:443": "192.0.2.1" }`.
   */
  readonly resolve?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * With `false`, nothing is ever sent to an IPv6 address, and none is asked for.
   *
   * @default {true}
   */
  readonly enableIpv6?: boolean;
  /** IP address of this machine from which to connect. */
  readonly localAddress?: string;
  /** Certificates. */
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
