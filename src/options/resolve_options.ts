import { fileURLToPath } from "node:url";
import { OptionTypeError } from "../option_error.ts";
import { parseChecksum } from "./checksum.ts";
import { parseCookieFile } from "./cookies.ts";
import {
  AUTO_CONNECTIONS,
  DOWNLOADER_DEFAULTS,
  DOWNLOADER_RANGES,
  SPEC_DEFAULTS,
  SPEC_RANGES,
} from "./defaults.ts";
import { joinHeaders, parseHeaders } from "./headers.ts";
import { parseNetrc } from "./netrc.ts";
import {
  basicAuthorization,
  checkNumber,
  checkSignal,
  flag,
  mismatch,
  oneOf,
  optionalFunction,
  optionalText,
  parseUrl,
  refuseUnknown,
} from "./option_checks.ts";
import type { DownloaderOptions, DownloadSpec } from "./options.ts";
import { NO_PROXIES, parseProxies } from "./proxy.ts";
import { NETWORK_NAMES, PROXY_NAMES, resolveNetwork } from "./resolve_network.ts";
import {
  CheckedSpec,
  type Login,
  type ResolvedDefaults,
  type ResolvedDownloaderOptions,
  type ResolvedSpec,
} from "./resolved_options.ts";

/** What only a single download can have. */
const NO_DEFAULTS = ["url", "outputPath", "signal"] as const satisfies readonly (keyof DownloadSpec)[];

const DEFAULT_NAMES: readonly string[] = [
  ...Object.keys(SPEC_DEFAULTS),
  ...["headers", "username", "password", "bearerToken", "cookies", "netrc", "refresh"],
  ...PROXY_NAMES,
  ...["checksum", "checksumFile"],
];

const SPEC_NAMES: readonly string[] = [...NO_DEFAULTS, ...DEFAULT_NAMES];

const DOWNLOADER_NAMES: readonly string[] = [
  ...new Set([...Object.keys(DOWNLOADER_DEFAULTS), "logger", "defaults", ...NETWORK_NAMES]),
];

/** All of a spec where nothing is given. */
const BASE: ResolvedDefaults = {
  ...SPEC_DEFAULTS,
  outputPath: undefined,
  headers: new Headers(),
  login: { authorization: undefined },
  cookies: [],
  netrc: [],
  refresh: undefined,
  proxies: NO_PROXIES,
  isAdaptive: false,
  checksum: undefined,
  checksumFile: undefined,
  signal: undefined,
};

/** Checks a spec and fills its gaps, first from `defaults`. The only place where options are judged. */
export function resolveSpec(spec: DownloadSpec | CheckedSpec, defaults = BASE): ResolvedSpec {
  if (spec instanceof CheckedSpec) return spec.resolved;
  refuseUnknown(spec, SPEC_NAMES, "spec");
  const { url, authorization } = parseUrl(spec.url);
  const { login, ...resolved } = complete(spec, defaults);
  const { headers, minSegmentSize, maxSegmentSize } = resolved;
  const credentials = login.authorization ?? authorization;
  if (credentials !== undefined && !headers.has("authorization")) headers.set("authorization", credentials);
  return { ...resolved, url, minSegmentSize: Math.min(minSegmentSize, maxSegmentSize) };
}

/** Checks what specs have in common and fills its gaps, for {@linkcode resolveSpec}. */
export function resolveDefaults(options: Omit<DownloadSpec, "url" | "signal">): ResolvedDefaults {
  refuseUnknown(options, SPEC_NAMES);
  return complete(options, BASE);
}

function complete(given: Omit<DownloadSpec, "url">, base: ResolvedDefaults): ResolvedDefaults {
  const number = (name: Exclude<keyof typeof SPEC_RANGES, "maxConnections">) =>
    checkNumber(name, given[name], SPEC_RANGES[name]) ?? base[name];
  const yesOrNo = (
    name: "allowDowngrade" | "resume" | "overwrite" | "rename" | "discardMismatch" | "publishedDigest",
  ) => flag(name, given[name]) ?? base[name];
  const { cookies, netrc } = given;
  return {
    outputPath: optionalText("outputPath", given.outputPath) ?? base.outputPath,
    outputDir: optionalText("outputDir", given.outputDir) ?? base.outputDir,
    headers: joinHeaders(base.headers, parseHeaders(given.headers)),
    login: completeLogin(given, base.login),
    cookies: cookies === undefined ? base.cookies : parseCookieFile(cookies),
    contentEncoding: oneOf("contentEncoding", given.contentEncoding, ["refuse", "keep"]) ??
      base.contentEncoding,
    netrc: netrc === undefined ? base.netrc : parseNetrc(netrc),
    allowDowngrade: yesOrNo("allowDowngrade"),
    refresh: optionalFunction("refresh", given.refresh) ?? base.refresh,
    proxies: parseProxies(given, base.proxies),
    ...completeConnections(given, base),
    pieceSize: number("pieceSize"),
    minSplitSize: number("minSplitSize"),
    minSegmentSize: number("minSegmentSize"),
    maxSegmentSize: number("maxSegmentSize"),
    memoryBudget: number("memoryBudget"),
    fileAllocation: oneOf("fileAllocation", given.fileAllocation, ["none", "prealloc"]) ??
      base.fileAllocation,
    resume: yesOrNo("resume"),
    overwrite: yesOrNo("overwrite"),
    rename: yesOrNo("rename"),
    discardMismatch: yesOrNo("discardMismatch"),
    maxRetries: number("maxRetries"),
    retryBaseDelayMs: number("retryBaseDelayMs"),
    retryMaxDelayMs: number("retryMaxDelayMs"),
    maxRetryElapsedMs: number("maxRetryElapsedMs"),
    maxDownloadSpeed: number("maxDownloadSpeed"),
    ...completeChecksum(given, base),
    publishedDigest: yesOrNo("publishedDigest"),
    connectTimeoutMs: number("connectTimeoutMs"),
    readTimeoutMs: number("readTimeoutMs"),
    controlSaveIntervalMs: number("controlSaveIntervalMs"),
    signal: checkSignal(given.signal) ?? base.signal,
  };
}

type Connections = Pick<ResolvedSpec, "maxConnections" | "isAdaptive">;

function completeConnections({ maxConnections }: Omit<DownloadSpec, "url">, base: Connections): Connections {
  if (maxConnections === "auto") return { maxConnections: AUTO_CONNECTIONS, isAdaptive: true };
  const fixed = checkNumber("maxConnections", maxConnections, SPEC_RANGES.maxConnections);
  if (fixed !== undefined) return { maxConnections: fixed, isAdaptive: false };
  return { maxConnections: base.maxConnections, isAdaptive: base.isAdaptive };
}

function completeLogin(given: Omit<DownloadSpec, "url">, base: Login): Login {
  const names = ["username", "password", "bearerToken"] as const;
  const [username, password, bearerToken] = names.map((name) => given[name]);
  if (username === undefined && password === undefined && bearerToken === undefined) return base;
  const login = {
    username: username === undefined ? base.username : username,
    password: password === undefined ? base.password : password,
    bearerToken: bearerToken === undefined ? base.bearerToken : bearerToken,
  };
  return { ...login, authorization: authorizationOf(login) };
}

/** The `Authorization` field for what a spec says of its user. */
function authorizationOf({ username, password, bearerToken }: Omit<Login, "authorization">) {
  if (bearerToken !== undefined) {
    if (username !== undefined) throw notBoth("username", "bearerToken");
    if (typeof bearerToken !== "string" || !/^[\w.~+/-]+=*$/.test(bearerToken)) {
      const problem = "it has characters that no token has (RFC 6750)";
      throw new OptionTypeError({ option: "bearerToken", problem });
    }
    return `Bearer ${bearerToken}`;
  }
  if (username === undefined) {
    throw new OptionTypeError({
      option: "password",
      message: "Cannot use password without username",
      problem: "expected username with it",
    });
  }
  return basicAuthorization(username, password ?? "");
}

type Checksums = Pick<ResolvedSpec, "checksum" | "checksumFile">;

function completeChecksum(given: Omit<DownloadSpec, "url">, base: Checksums): Checksums {
  const own = optionalText("checksum", given.checksum);
  const checksum = own === undefined ? base.checksum : parseChecksum(own);
  const checksumFile = resolveChecksumFile(given.checksumFile) ?? base.checksumFile;
  if (checksum !== undefined && checksumFile !== undefined) throw notBoth("checksum", "checksumFile");
  return { checksum, checksumFile };
}

function resolveChecksumFile(checksumFile: DownloadSpec["checksumFile"]): string | undefined {
  if (checksumFile instanceof URL && checksumFile.protocol === "file:") return fileURLToPath(checksumFile);
  const given = optionalText("checksumFile", checksumFile instanceof URL ? checksumFile.href : checksumFile);
  if (given === undefined || !/^https?:/i.test(given)) return given;
  const { url, authorization } = parseUrl(given, "checksumFile");
  if (authorization === undefined) return url;
  throw new OptionTypeError({
    option: "checksumFile",
    problem: "a user name or a password in its URL is sent nowhere",
    remedy: { options: ["headers"], how: "use headers" },
  });
}

/** Two options of which one makes the other meaningless. */
export function notBoth(first: string, second: string): OptionTypeError {
  return new OptionTypeError({
    option: second,
    message: `Cannot use both ${first} and ${second}: expected one`,
    problem: `${first} is given as well; expected one of them`,
  });
}

/** Checks the options of a `Downloader`, the defaults for its specs included. */
export function resolveDownloaderOptions(options: DownloaderOptions): ResolvedDownloaderOptions {
  refuseUnknown(options, DOWNLOADER_NAMES);
  const { logger = () => {}, defaults = {} } = options;
  if (typeof logger !== "function") throw mismatch("logger", logger, "a function");
  refuseUnknown(defaults, DEFAULT_NAMES, "defaults");
  const number = (name: "maxConcurrentDownloads" | "maxDownloadsPerHost") =>
    checkNumber(name, options[name], DOWNLOADER_RANGES[name]) ?? DOWNLOADER_DEFAULTS[name];
  return {
    maxConcurrentDownloads: number("maxConcurrentDownloads"),
    maxDownloadsPerHost: number("maxDownloadsPerHost"),
    maxDownloadSpeed: checkSpeed(options.maxDownloadSpeed),
    uniqueOutputs: flag("uniqueOutputs", options.uniqueOutputs) ?? DOWNLOADER_DEFAULTS.uniqueOutputs,
    logger,
    network: resolveNetwork(options),
    defaults: complete(defaults, BASE),
  };
}

/** Checks a speed limit in bytes a second; 0 is none. */
export function checkSpeed(value: number | undefined): number {
  return checkNumber("maxDownloadSpeed", value, DOWNLOADER_RANGES.maxDownloadSpeed) ??
    DOWNLOADER_DEFAULTS.maxDownloadSpeed;
}
