import type { Checksum } from "./checksum.ts";
import type { DownloadSpec, FileAllocation } from "./options.ts";
import type { ContentEncoding, Refresh } from "./request_options.ts";
import type { Endpoint } from "../runtime/runtime.ts";
import type { Logger } from "../types.ts";

/** One cookie, and the hosts and paths that it is for. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  /** In lower case, without a leading dot. */
  readonly domain: string;
  readonly includesSubdomains: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  /** Milliseconds since 1970; `Infinity` for a session cookie. */
  readonly expiresMs: number;
}

/** The entry of a netrc file for one host, or its default for every host. */
export interface NetrcEntry {
  /** In lower case; `undefined` for the `default` entry. */
  readonly machine: string | undefined;
  readonly login: string;
  readonly password: string;
}

/** A proxy, and our credentials for it. */
export interface ProxyServer {
  readonly protocol: "http" | "https" | "socks5" | "socks5h";
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** An unusable proxy of the environment. It only fails URLs that would go through it. */
export interface UnusableProxy {
  readonly problem: string;
}

/** The proxies of one level, such as a spec or the environment. */
export interface Proxies {
  /** Whether no proxy is used, even when a lower level names one. */
  readonly isOff: boolean;
  readonly all: ProxyServer | UnusableProxy | undefined;
  readonly http: ProxyServer | UnusableProxy | undefined;
  readonly https: ProxyServer | UnusableProxy | undefined;
  readonly noProxy: string | undefined;
}

/** The proxies for URLs of each scheme, and the exceptions. */
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

/** A spec that was checked and completed. No later code checks it again. */
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
  /** Whether `maxConnections` is `"auto"`: connections are added only while this makes the download faster. */
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

/** The common options of several specs, checked and completed: a complete spec without its URL. */
export interface ResolvedDefaults extends Omit<ResolvedSpec, "url"> {
  /** The caller's fields, without the `Authorization` field for `login`. */
  readonly headers: Headers;
  readonly login: Login;
  /** The given value. In a spec it is at most `maxSegmentSize`. */
  readonly minSegmentSize: number;
}

/** The caller's credentials, and the `Authorization` field for them. */
export interface Login extends Pick<DownloadSpec, "username" | "password" | "bearerToken"> {
  readonly authorization: string | undefined;
}

/** Replaces a spec that was already checked, so that it is not checked twice. */
export class CheckedSpec {
  /** The given URL. */
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
