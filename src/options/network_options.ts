/** Proxies for requests. */
export interface ProxyOptions {
  /**
   * Proxy for `http:` and `https:` URLs where `httpProxy` or `httpsProxy` is not set. Its scheme is `http://`,
   * `https://`, `socks5://` (this machine looks names up) or `socks5h://` (the proxy looks names up).
   * `user:password@` may precede the host.
   */
  readonly allProxy?: string;
  /** Proxy for `http:` URLs. */
  readonly httpProxy?: string;
  /** Proxy for `https:` URLs. */
  readonly httpsProxy?: string;
  /**
   * Hosts to reach without a proxy, separated by commas. An entry is a name (its subdomains included), an IP address,
   * a network such as `10.0.0.0/8`, or `*` for all hosts. Each entry except a network may have a `:port`.
   */
  readonly noProxy?: string;
  /**
   * `false` uses no proxy, even when the downloader or the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
   * `NO_PROXY`) names one.
   */
  readonly proxy?: false;
}

/** Certificates that identify servers and this machine, as PEM text. */
export interface TlsOptions {
  /** Certificates of authorities to trust in addition to those of the runtime. */
  readonly ca?: string | readonly string[];
  /**
   * Client certificate; requires `key`. It is shown only to the origin (scheme, host and port) of the download's URL,
   * not to proxies, DNS servers or the targets of redirects to other origins.
   */
  readonly cert?: string;
  /** Private key of `cert`. */
  readonly key?: string;
  /**
   * Accepts every certificate, except that of an `https://` proxy. Anyone on the network path can then read and change
   * everything.
   *
   * @default {false}
   */
  readonly insecure?: boolean;
}

/** Options for the connections to servers. */
export interface NetworkOptions extends ProxyOptions {
  /**
   * DNS servers to use one after the other instead of the system's, such as `1.1.1.1` or `[2606:4700:4700::1111]:53`.
   */
  readonly dnsServers?: readonly string[];
  /**
   * DNS servers to use over HTTPS (RFC 8484), such as `https://dns.google/dns-query`. They are used before
   * `dnsServers`.
   */
  readonly dohServers?: readonly string[];
  /**
   * Fixed addresses of hosts, which are then not looked up. Each key is `host:port`, where `*` is every host. Each
   * value is one IP address or several, such as `{ "example.com:443": "192.0.2.1" }`. A proxy gets the address in place
   * of the name. An `http:` URL of such a host fails where an HTTP proxy would look the name up.
   */
  readonly resolve?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * With `false`, nothing is sent to an IPv6 address, and no IPv6 address is looked up.
   *
   * @default {true}
   */
  readonly enableIpv6?: boolean;
  /** IP address of this machine to connect from. */
  readonly localAddress?: string;
  /** TLS options. */
  readonly tls?: TlsOptions;
  /**
   * How many idle connections are kept for each host.
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
