import { type Checksum, parseChecksum } from "./checksum.ts";
import type { Logger } from "./types.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How the part file gets its space: as data arrives, or its full length at once. */
export type FileAllocation = "none" | "prealloc";

/** One download: where from, where to, and how. Only `url` is needed. */
export interface DownloadSpec {
  /** What to fetch; `http:` or `https:`. A user name and password in it are sent as basic credentials. */
  readonly url: string | URL;
  /**
   * Path of the finished file. Without it the name comes from the server's `Content-Disposition`
   * (RFC 6266), else from the URL, else it is `download`.
   */
  readonly outputPath?: string;
  /**
   * Directory for the file; a relative `outputPath` starts there. It is made when it is missing.
   *
   * @default {"."}
   */
  readonly outputDir?: string;
  /** Fields to send with each request. They are not sent to another origin after a redirect. */
  readonly headers?: HeadersInit;
  /**
   * The most connections to use at once, 1 to 256.
   *
   * @default {4}
   */
  readonly maxConnections?: number;
  /**
   * Bytes in a piece, the unit in which finished data is recorded; 16 KiB to 1 GiB.
   *
   * @default {1048576}
   */
  readonly pieceSize?: number;
  /**
   * A file smaller than this many bytes is fetched over one connection.
   *
   * @default {10485760}
   */
  readonly minSplitSize?: number;
  /**
   * The fewest bytes one request asks for, the file's end aside; at least 1 KiB.
   *
   * @default {262144}
   */
  readonly minSegmentSize?: number;
  /**
   * The most bytes held in memory between the network and the file; at least 16 KiB.
   *
   * @default {67108864}
   */
  readonly memoryBudget?: number;
  /**
   * `"prealloc"` gives the part file its full length before the first byte is written.
   *
   * @default {"none"}
   */
  readonly fileAllocation?: FileAllocation;
  /**
   * Goes on with what an earlier run left. With `false` an unfinished download is fetched anew.
   *
   * @default {true}
   */
  readonly resume?: boolean;
  /**
   * Replaces a file that has the final name, once the new one is whole, and part files of others.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * How often to try again without a byte of progress before giving up.
   *
   * @default {5}
   */
  readonly maxRetries?: number;
  /**
   * Milliseconds before the first retry, before jitter; it doubles with each further one.
   *
   * @default {1000}
   */
  readonly retryBaseDelayMs?: number;
  /**
   * The longest wait between two tries in milliseconds, also when a server asks for more.
   *
   * @default {30000}
   */
  readonly retryMaxDelayMs?: number;
  /**
   * Milliseconds after the first failure without progress at which retrying ends.
   *
   * @default {Infinity}
   */
  readonly maxRetryElapsedMs?: number;
  /**
   * Bytes a second for this download; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /** `algorithm:hex`, such as `sha256:…`; the file gets its name only when it matches. */
  readonly checksum?: string;
  /**
   * Milliseconds from sending a request to the head of its response: name look-up, connection, TLS and
   * the server's own time together.
   *
   * @default {30000}
   */
  readonly connectTimeoutMs?: number;
  /**
   * Milliseconds a response body may stay silent.
   *
   * @default {60000}
   */
  readonly readTimeoutMs?: number;
  /**
   * Milliseconds between two saves of the control file.
   *
   * @default {5000}
   */
  readonly controlSaveIntervalMs?: number;
  /** Aborting it cancels the download; what has arrived is kept for a later run. */
  readonly signal?: AbortSignal;
}

/** What a `Downloader` shares among its downloads. */
export interface DownloaderOptions {
  /**
   * How many downloads run at once; the others wait their turn, `pending`.
   *
   * @default {4}
   */
  readonly maxConcurrentDownloads?: number;
  /**
   * Bytes a second for all downloads together; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /** Told of retries, restarts and what was set aside. */
  readonly logger?: Logger;
  /** Used where a spec says nothing. */
  readonly defaults?: Omit<DownloadSpec, "url" | "outputPath" | "signal">;
}

/** A spec that was checked and completed; nothing in it needs a second look. */
export interface ResolvedSpec {
  readonly url: string;
  readonly outputPath: string | undefined;
  readonly outputDir: string;
  readonly headers: Headers;
  readonly maxConnections: number;
  readonly pieceSize: number;
  readonly minSplitSize: number;
  readonly minSegmentSize: number;
  readonly memoryBudget: number;
  readonly fileAllocation: FileAllocation;
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly maxRetries: number;
  readonly retryBaseDelayMs: number;
  readonly retryMaxDelayMs: number;
  readonly maxRetryElapsedMs: number;
  readonly maxDownloadSpeed: number;
  readonly checksum: Checksum | undefined;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly controlSaveIntervalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Downloader options that were checked and completed. */
export interface ResolvedDownloaderOptions {
  readonly maxConcurrentDownloads: number;
  readonly maxDownloadSpeed: number;
  readonly logger: Logger;
  readonly defaults: Omit<DownloadSpec, "url">;
}

interface NumberRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

const SPEC_NUMBERS = {
  maxConnections: { default: 4, min: 1, max: 256 },
  pieceSize: { default: MIB, min: 16 * KIB, max: GIB },
  minSplitSize: { default: 10 * MIB, min: 0, max: Number.MAX_SAFE_INTEGER },
  minSegmentSize: { default: 256 * KIB, min: KIB, max: GIB },
  memoryBudget: { default: 64 * MIB, min: 16 * KIB, max: 64 * GIB },
  maxRetries: { default: 5, min: 0, max: 1_000_000 },
  retryBaseDelayMs: { default: 1000, min: 0, max: MAX_TIMER_MS },
  retryMaxDelayMs: { default: 30_000, min: 0, max: MAX_TIMER_MS },
  maxRetryElapsedMs: { default: Infinity, min: 0, max: Infinity },
  maxDownloadSpeed: { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  connectTimeoutMs: { default: 30_000, min: 1, max: MAX_TIMER_MS },
  readTimeoutMs: { default: 60_000, min: 1, max: MAX_TIMER_MS },
  controlSaveIntervalMs: { default: 5000, min: 1, max: MAX_TIMER_MS },
} as const satisfies Partial<Record<keyof DownloadSpec, NumberRule>>;

const SPEC_OTHERS = [
  "url",
  "outputPath",
  "outputDir",
  "headers",
  "fileAllocation",
  "resume",
  "overwrite",
  "checksum",
  "signal",
] as const satisfies readonly (keyof DownloadSpec)[];

const SPEC_NAMES: readonly string[] = [...Object.keys(SPEC_NUMBERS), ...SPEC_OTHERS];

/** What only a single download can have. */
const NO_DEFAULTS: readonly string[] = ["url", "outputPath", "signal"];

/** Fields that follow from what is asked for and over which connection; a caller's would contradict them. */
const OWN_HEADERS: readonly string[] = [
  "range",
  "if-range",
  "accept-encoding",
  "content-length",
  "transfer-encoding",
  "connection",
];

const CONCURRENT_DOWNLOADS: NumberRule = { default: 4, min: 1, max: 1000 };

/** Checks a spec and fills its gaps, first from `defaults`. The only place where options are judged. */
export function resolveSpec(spec: DownloadSpec, defaults: Omit<DownloadSpec, "url"> = {}): ResolvedSpec {
  refuseUnknown(spec, SPEC_NAMES);
  const given: DownloadSpec = { ...defaults, ...withoutUndefined(spec) };
  const { url, authorization } = parseUrl(given.url);
  const headers = parseHeaders(defaults.headers, spec.headers);
  if (authorization !== undefined && !headers.has("authorization")) {
    headers.set("authorization", authorization);
  }
  const number = (name: keyof typeof SPEC_NUMBERS) => checkNumber(name, given[name], SPEC_NUMBERS[name]);
  return {
    url,
    outputPath: optionalText("outputPath", given.outputPath),
    outputDir: optionalText("outputDir", given.outputDir) ?? ".",
    headers,
    maxConnections: number("maxConnections"),
    pieceSize: number("pieceSize"),
    minSplitSize: number("minSplitSize"),
    minSegmentSize: number("minSegmentSize"),
    memoryBudget: number("memoryBudget"),
    fileAllocation: oneOf("fileAllocation", given.fileAllocation, "none", ["none", "prealloc"]),
    resume: flag("resume", given.resume, true),
    overwrite: flag("overwrite", given.overwrite, false),
    maxRetries: number("maxRetries"),
    retryBaseDelayMs: number("retryBaseDelayMs"),
    retryMaxDelayMs: number("retryMaxDelayMs"),
    maxRetryElapsedMs: number("maxRetryElapsedMs"),
    maxDownloadSpeed: number("maxDownloadSpeed"),
    checksum: given.checksum === undefined ? undefined : parseChecksum(text("checksum", given.checksum)),
    connectTimeoutMs: number("connectTimeoutMs"),
    readTimeoutMs: number("readTimeoutMs"),
    controlSaveIntervalMs: number("controlSaveIntervalMs"),
    signal: checkSignal(given.signal),
  };
}

/** Checks the options of a `Downloader`, the defaults for its specs included. */
export function resolveDownloaderOptions(options: DownloaderOptions): ResolvedDownloaderOptions {
  refuseUnknown(options, ["maxConcurrentDownloads", "maxDownloadSpeed", "logger", "defaults"]);
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
    maxDownloadSpeed: checkSpeed(options.maxDownloadSpeed),
    logger,
    defaults: withoutUndefined(defaults),
  };
}

/** Checks a speed limit in bytes a second; 0 is none. */
export function checkSpeed(value: number | undefined): number {
  return checkNumber("maxDownloadSpeed", value, SPEC_NUMBERS.maxDownloadSpeed);
}

function parseUrl(value: unknown): { url: string; authorization: string | undefined } {
  if (typeof value !== "string" && !(value instanceof URL)) throw mismatch("url", value, "a string or a URL");
  const url = URL.parse(value);
  if (url === null) {
    throw new TypeError(
      `Cannot use the URL${
        showBrokenUrl(value)
      }: it does not parse; expected one such as https://example.com/file`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot use a URL with the scheme "${url.protocol}": expected http: or https:`);
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (username === "" && password === "") return { url: url.href, authorization: undefined };
  const pair = new TextEncoder().encode(`${decodeUserinfo(username)}:${decodeUserinfo(password)}`);
  return { url: url.href, authorization: `Basic ${pair.toBase64()}` };
}

/** Where a URL has no parts, a user name or a query can only be guessed. */
function showBrokenUrl(value: string | URL): string {
  const text = String(value);
  return text.includes("@") ? "" : ` ${JSON.stringify(text.replace(/[?#].*/s, ""))}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("Cannot use the URL: its user name or password is not percent-encoded correctly");
  }
}

function parseHeaders(...sources: readonly (HeadersInit | undefined)[]): Headers {
  const headers = new Headers();
  for (const source of sources) {
    let fields: Headers;
    try {
      fields = new Headers(source);
    } catch {
      // The runtime's own error may show the value.
      throw new TypeError("Cannot use headers: a name or a value is not allowed in HTTP");
    }
    for (const [name, value] of fields) {
      if (OWN_HEADERS.includes(name)) {
        throw new TypeError(`Cannot use the header "${name}": each request gets its own; leave it out`);
      }
      headers.set(name, value);
    }
  }
  return headers;
}

function checkNumber(name: string, value: unknown, rule: NumberRule): number {
  if (value === undefined) return rule.default;
  if (typeof value !== "number") throw mismatch(name, value, "a number");
  const whole = Number.isSafeInteger(value) || (value === Infinity && rule.max === Infinity);
  if (!whole || value < rule.min || value > rule.max) {
    throw new RangeError(
      `Cannot use ${name} ${value}: expected a whole number from ${rule.min} to ${rule.max}`,
    );
  }
  return value;
}

function text(name: string, value: unknown): string {
  if (typeof value !== "string") throw mismatch(name, value, "a string");
  if (value === "" || value.includes("\0")) {
    throw new TypeError(`Cannot use ${name} ${JSON.stringify(value)}: it is empty or has a zero byte in it`);
  }
  return value;
}

function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(name, value);
}

function flag(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== "boolean") throw mismatch(name, value, "true or false");
  return value;
}

function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  otherwise: T,
  choices: readonly T[],
): T {
  if (value === undefined) return otherwise;
  if (!choices.includes(value)) throw mismatch(name, value, choices.map((it) => `"${it}"`).join(" or "));
  return value;
}

function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw mismatch("signal", value, "an AbortSignal");
  }
  return value;
}

function mismatch(name: string, value: unknown, expected: string): TypeError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new TypeError(`Cannot use ${name} ${shown}: expected ${expected}`);
}

function refuseUnknown(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new TypeError(`Cannot use the option "${name}": there is none; known are ${known.join(", ")}`);
    }
  }
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
