import { fileURLToPath } from "node:url";
import { parseChecksum } from "./checksum.ts";
import { parseCookieFile } from "./cookies.ts";
import { parseNetrc } from "./netrc.ts";
import {
  basicAuthorization,
  checkNumber,
  checkSignal,
  flag,
  mismatch,
  type NumberRule,
  oneOf,
  optionalFunction,
  optionalText,
  parseHeaders,
  parseUrl,
  refuseUnknown,
  text,
  withoutUndefined,
} from "./option_checks.ts";
import type { DownloaderOptions, DownloadSpec } from "./options.ts";
import { checkProxies, NETWORK_NAMES, PROXY_NAMES, resolveNetwork } from "./resolve_network.ts";
import type { ResolvedDownloaderOptions, ResolvedSpec } from "./resolved_options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The range of every option that is a number; the command's flags keep to the same. */
export const SPEC_NUMBERS = {
  maxConnections: { default: 4, min: 1, max: 256 },
  pieceSize: { default: MIB, min: 16 * KIB, max: GIB },
  minSplitSize: { default: 10 * MIB, min: 0, max: Number.MAX_SAFE_INTEGER },
  minSegmentSize: { default: 256 * KIB, min: KIB, max: GIB },
  maxSegmentSize: { default: Infinity, min: KIB, max: Infinity },
  memoryBudget: { default: 16 * MIB, min: 16 * KIB, max: 64 * GIB },
  maxRetries: { default: 5, min: 0, max: 1_000_000 },
  retryBaseDelayMs: { default: 1000, min: 0, max: MAX_TIMER_MS },
  retryMaxDelayMs: { default: 30_000, min: 0, max: MAX_TIMER_MS },
  maxRetryElapsedMs: { default: Infinity, min: 0, max: Infinity },
  maxDownloadSpeed: { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  connectTimeoutMs: { default: 30_000, min: 1, max: MAX_TIMER_MS },
  readTimeoutMs: { default: 60_000, min: 1, max: MAX_TIMER_MS },
  controlSaveIntervalMs: { default: 5000, min: 1, max: MAX_TIMER_MS },
} as const satisfies Partial<Record<keyof DownloadSpec, NumberRule>>;

/** The most connections that `"auto"` opens. */
const AUTO_CONNECTIONS = 16;

const SPEC_OTHERS = [
  "url",
  "outputPath",
  "outputDir",
  "headers",
  "username",
  "password",
  "bearerToken",
  "cookies",
  "contentEncoding",
  "netrc",
  "allowDowngrade",
  "refresh",
  ...PROXY_NAMES,
  "fileAllocation",
  "resume",
  "overwrite",
  "rename",
  "discardMismatch",
  "checksum",
  "checksumFile",
  "publishedDigest",
  "signal",
] as const satisfies readonly (keyof DownloadSpec)[];

const SPEC_NAMES: readonly string[] = [...Object.keys(SPEC_NUMBERS), ...SPEC_OTHERS];

/** What only a single download can have. */
const NO_DEFAULTS: readonly string[] = ["url", "outputPath", "signal"];

/** How many downloads may run at once. */
export const CONCURRENT_DOWNLOADS: NumberRule = { default: 4, min: 1, max: 1000 };

/** How many of them from one host. */
export const DOWNLOADS_PER_HOST: NumberRule = { default: Infinity, min: 1, max: Infinity };

/** Checks a spec and fills its gaps, first from `defaults`. The only place where options are judged. */
export function resolveSpec(spec: DownloadSpec, defaults: Omit<DownloadSpec, "url"> = {}): ResolvedSpec {
  refuseUnknown(spec, SPEC_NAMES);
  const given: DownloadSpec = { ...defaults, ...withoutUndefined(spec) };
  const { url, authorization } = parseUrl(given.url);
  const headers = parseHeaders(defaults.headers, spec.headers);
  const credentials = authorizationOf(given) ?? authorization;
  if (credentials !== undefined && !headers.has("authorization")) headers.set("authorization", credentials);
  const number = (name: keyof typeof SPEC_NUMBERS) => checkNumber(name, given[name], SPEC_NUMBERS[name]);
  return {
    url,
    outputPath: optionalText("outputPath", given.outputPath),
    outputDir: optionalText("outputDir", given.outputDir) ?? ".",
    headers,
    cookies: parseCookieFile(given.cookies),
    contentEncoding: oneOf("contentEncoding", given.contentEncoding, "refuse", ["refuse", "keep"]),
    netrc: parseNetrc(given.netrc),
    allowDowngrade: flag("allowDowngrade", given.allowDowngrade, false),
    refresh: optionalFunction("refresh", given.refresh),
    proxies: checkProxies(given),
    maxConnections: given.maxConnections === "auto" ? AUTO_CONNECTIONS : number("maxConnections"),
    isAdaptive: given.maxConnections === "auto",
    pieceSize: number("pieceSize"),
    minSplitSize: number("minSplitSize"),
    minSegmentSize: Math.min(number("minSegmentSize"), number("maxSegmentSize")),
    maxSegmentSize: number("maxSegmentSize"),
    memoryBudget: number("memoryBudget"),
    fileAllocation: oneOf("fileAllocation", given.fileAllocation, "none", ["none", "prealloc"]),
    resume: flag("resume", given.resume, true),
    overwrite: flag("overwrite", given.overwrite, false),
    rename: flag("rename", given.rename, false),
    discardMismatch: flag("discardMismatch", given.discardMismatch, false),
    maxRetries: number("maxRetries"),
    retryBaseDelayMs: number("retryBaseDelayMs"),
    retryMaxDelayMs: number("retryMaxDelayMs"),
    maxRetryElapsedMs: number("maxRetryElapsedMs"),
    maxDownloadSpeed: number("maxDownloadSpeed"),
    checksumFile: resolveChecksumFile(given),
    checksum: given.checksum === undefined ? undefined : parseChecksum(text("checksum", given.checksum)),
    publishedDigest: flag("publishedDigest", given.publishedDigest, true),
    connectTimeoutMs: number("connectTimeoutMs"),
    readTimeoutMs: number("readTimeoutMs"),
    controlSaveIntervalMs: number("controlSaveIntervalMs"),
    signal: checkSignal(given.signal),
  };
}

/** The `Authorization` field for what a spec says of its user. */
function authorizationOf({ username, password, bearerToken }: DownloadSpec): string | undefined {
  if (bearerToken !== undefined) {
    if (username !== undefined) throw new TypeError("Cannot use both username and bearerToken: expected one");
    if (typeof bearerToken !== "string" || !/^[\w.~+/-]+=*$/.test(bearerToken)) {
      throw new TypeError("Cannot use bearerToken: it has characters that no token has (RFC 6750)");
    }
    return `Bearer ${bearerToken}`;
  }
  if (username === undefined) {
    if (password !== undefined) throw new TypeError("Cannot use password without username");
    return undefined;
  }
  return basicAuthorization(username, password ?? "");
}

function resolveChecksumFile({ checksum, checksumFile }: DownloadSpec): string | undefined {
  if (checksum !== undefined && checksumFile !== undefined) {
    throw new TypeError("Cannot use both checksum and checksumFile: expected one");
  }
  if (checksumFile instanceof URL && checksumFile.protocol === "file:") return fileURLToPath(checksumFile);
  const given = optionalText("checksumFile", checksumFile instanceof URL ? checksumFile.href : checksumFile);
  if (given === undefined || !/^https?:/i.test(given)) return given;
  const { url, authorization } = parseUrl(given);
  if (authorization === undefined) return url;
  throw new TypeError(
    "Cannot use checksumFile: a user name or a password in its URL is sent nowhere; use headers",
  );
}

/** Checks the options of a `Downloader`, the defaults for its specs included. */
export function resolveDownloaderOptions(options: DownloaderOptions): ResolvedDownloaderOptions {
  refuseUnknown(options, [
    "maxConcurrentDownloads",
    "maxDownloadsPerHost",
    "maxDownloadSpeed",
    "uniqueOutputs",
    "logger",
    "defaults",
    ...NETWORK_NAMES,
  ]);
  const { logger = () => {}, defaults = {} } = options;
  if (typeof logger !== "function") throw mismatch("logger", logger, "a function");
  if (typeof defaults !== "object" || defaults === null) throw mismatch("defaults", defaults, "an object");
  refuseUnknown(defaults, SPEC_NAMES.filter((name) => !NO_DEFAULTS.includes(name)));
  resolveSpec({ ...defaults, url: "http://localhost/" });
  return {
    maxConcurrentDownloads: checkNumber(
      "maxConcurrentDownloads",
      options.maxConcurrentDownloads,
      CONCURRENT_DOWNLOADS,
    ),
    maxDownloadsPerHost: checkNumber("maxDownloadsPerHost", options.maxDownloadsPerHost, DOWNLOADS_PER_HOST),
    maxDownloadSpeed: checkSpeed(options.maxDownloadSpeed),
    uniqueOutputs: flag("uniqueOutputs", options.uniqueOutputs, false),
    logger,
    network: resolveNetwork(options),
    defaults: withoutUndefined(defaults),
  };
}

/** Checks a speed limit in bytes a second; 0 is none. */
export function checkSpeed(value: number | undefined): number {
  return checkNumber("maxDownloadSpeed", value, SPEC_NUMBERS.maxDownloadSpeed);
}
