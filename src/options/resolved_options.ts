import type { Checksum } from "./checksum.ts";
import type { DownloadSpec, FileAllocation } from "./options.ts";
import type { ContentEncoding, Refresh } from "./request_options.ts";
import type { Endpoint } from "../runtime/runtime.ts";
import type { Logger } from "../types.ts";

/** One cookie, and where it may go. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  /** In lower case, without a leading dot. */
  readonly domain: string;
  readonly includesSubdomains: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  /** Milliseconds since 1970; `Infinity` for a cookie of a session. */
  readonly expiresMs: number;
}

/** What a netrc file says of one host, or as its default of every host. */
export interface NetrcEntry {
  /** In lower case; `undefined` for the default. */
  readonly machine: string | undefined;
  readonly login: string;
  readonly password: string;
}

/** A proxy, and who we are there. */
export interface ProxyServer {
  readonly protocol: "http" | "https" | "socks5" | "socks5h";
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** A proxy that the environment names and that cannot be used, which matters only where a URL would go through it. */
export interface UnusableProxy {
  readonly problem: string;
}

/** The proxies that one level names, such as a spec or the environment. */
export interface Proxies {
  /** Whether none is to be used, whatever the levels below say. */
  readonly isOff: boolean;
  readonly all: ProxyServer | UnusableProxy | undefined;
  readonly http: ProxyServer | UnusableProxy | undefined;
  readonly https: ProxyServer | UnusableProxy | undefined;
  readonly noProxy: string | undefined;
}

/** Which proxy a URL goes through. */
export interface ProxyRules {
  readonly http: ProxyServer | UnusableProxy | undefined;
  readonly https: ProxyServer | UnusableProxy | undefined;
  readonly noProxy: string;
}

/** Network options that were checked and completed. */
export interface ResolvedNetwork {
  readonly proxies: Proxies;
  readonly dnsServers: readonly Endpoint[];
  readonly dohServers: readonly string[];
  /** From `host:port` to addresses. */
  readonly overrides: ReadonlyMap<string, readonly string[]>;
  readonly enableIpv6: boolean;
  readonly localAddress: string | undefined;
  readonly tls: ResolvedTls;
  readonly poolMaxIdlePerHost: number;
  readonly poolIdleTimeoutMs: number;
}

/** TLS options that were checked and completed, in PEM. */
export interface ResolvedTls {
  readonly ca: readonly string[];
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
  readonly insecure: boolean;
}

/** A spec that was checked and completed; nothing in it needs a second look. */
export interface ResolvedSpec {
  readonly url: string;
  readonly outputPath: string | undefined;
  readonly outputDir: string;
  readonly headers: Headers;
  readonly cookies: readonly Cookie[];
  readonly contentEncoding: ContentEncoding;
  readonly netrc: readonly NetrcEntry[];
  readonly allowDowngrade: boolean;
  readonly refresh: Refresh | undefined;
  readonly proxies: Proxies;
  readonly maxConnections: number;
  /** Whether to open no more than are of use. */
  readonly isAdaptive: boolean;
  readonly pieceSize: number;
  readonly minSplitSize: number;
  readonly minSegmentSize: number;
  readonly maxSegmentSize: number;
  readonly memoryBudget: number;
  readonly fileAllocation: FileAllocation;
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly rename: boolean;
  readonly discardMismatch: boolean;
  readonly maxRetries: number;
  readonly retryBaseDelayMs: number;
  readonly retryMaxDelayMs: number;
  readonly maxRetryElapsedMs: number;
  readonly maxDownloadSpeed: number;
  readonly checksum: Checksum | undefined;
  readonly checksumFile: string | undefined;
  readonly publishedDigest: boolean;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly controlSaveIntervalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What specs have in common, checked and completed: all of a spec but its URL. */
export interface ResolvedDefaults extends Omit<ResolvedSpec, "url"> {
  /** The caller's fields, without the one for `login`. */
  readonly headers: Headers;
  readonly login: Login;
  /** As it was given; a spec has no more than its `maxSegmentSize`. */
  readonly minSegmentSize: number;
}

/** Who the caller is, and the `Authorization` field for that. */
export interface Login extends Pick<DownloadSpec, "username" | "password" | "bearerToken"> {
  readonly authorization: string | undefined;
}

/** In the place of a spec: one that was checked before, so that it is not checked twice. */
export class CheckedSpec {
  /** As it was given. */
  readonly url: string;
  readonly resolved: ResolvedSpec;

  constructor(url: string, resolved: ResolvedSpec) {
    this.url = url;
    this.resolved = resolved;
  }
}

/** Downloader options that were checked and completed. */
export interface ResolvedDownloaderOptions {
  readonly maxConcurrentDownloads: number;
  readonly maxDownloadsPerHost: number;
  readonly maxDownloadSpeed: number;
  readonly uniqueOutputs: boolean;
  readonly logger: Logger;
  readonly network: ResolvedNetwork;
  readonly defaults: ResolvedDefaults;
}
