import type { TlsOptions } from "./network_options.ts";
import type { DownloaderOptions, DownloadSpec } from "./options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What an option that is a number may be: a whole one from `min` to `max`. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** What counts where a spec does not say. An option that is missing here has no default. */
export const SPEC_DEFAULTS = {
  outputDir: ".",
  contentEncoding: "refuse",
  allowDowngrade: false,
  maxConnections: 4,
  pieceSize: MIB,
  minSplitSize: 10 * MIB,
  minSegmentSize: 256 * KIB,
  maxSegmentSize: Infinity,
  memoryBudget: 16 * MIB,
  fileAllocation: "none",
  resume: true,
  overwrite: false,
  rename: false,
  discardMismatch: false,
  maxRetries: 5,
  retryBaseDelayMs: 1000,
  retryMaxDelayMs: 30_000,
  maxRetryElapsedMs: Infinity,
  maxDownloadSpeed: 0,
  publishedDigest: true,
  connectTimeoutMs: 30_000,
  readTimeoutMs: 60_000,
  controlSaveIntervalMs: 5000,
} as const satisfies Partial<DownloadSpec>;

/** What counts where the options of a downloader do not say. */
export const DOWNLOADER_DEFAULTS = {
  maxConcurrentDownloads: 4,
  maxDownloadsPerHost: Infinity,
  maxDownloadSpeed: 0,
  uniqueOutputs: false,
  enableIpv6: true,
  poolMaxIdlePerHost: 256,
  poolIdleTimeoutMs: 90_000,
} as const satisfies DownloaderOptions;

/** What counts where the TLS options do not say. */
export const TLS_DEFAULTS = { insecure: false } as const satisfies TlsOptions;

/** Where the command differs from the library: somebody watches, and one command does not know of another. */
export const COMMAND_DEFAULTS = { maxConnections: "auto" } as const satisfies Partial<DownloadSpec>;

/** The most connections that `"auto"` opens. */
export const AUTO_CONNECTIONS = 16;

/** The range of every option of a spec that is a number; the command's flags keep to the same. */
export const SPEC_RANGES = {
  maxConnections: { min: 1, max: 256 },
  pieceSize: { min: 16 * KIB, max: GIB },
  minSplitSize: { min: 0, max: Number.MAX_SAFE_INTEGER },
  minSegmentSize: { min: KIB, max: GIB },
  maxSegmentSize: { min: KIB, max: Infinity },
  memoryBudget: { min: 16 * KIB, max: 64 * GIB },
  maxRetries: { min: 0, max: 1_000_000 },
  retryBaseDelayMs: { min: 0, max: MAX_TIMER_MS },
  retryMaxDelayMs: { min: 0, max: MAX_TIMER_MS },
  maxRetryElapsedMs: { min: 0, max: Infinity },
  maxDownloadSpeed: { min: 0, max: Number.MAX_SAFE_INTEGER },
  connectTimeoutMs: { min: 1, max: MAX_TIMER_MS },
  readTimeoutMs: { min: 1, max: MAX_TIMER_MS },
  controlSaveIntervalMs: { min: 1, max: MAX_TIMER_MS },
} as const satisfies Partial<Record<keyof typeof SPEC_DEFAULTS, NumberRange>>;

/** The range of every option of a downloader that is a number. */
export const DOWNLOADER_RANGES = {
  maxConcurrentDownloads: { min: 1, max: 1000 },
  maxDownloadsPerHost: { min: 1, max: Infinity },
  maxDownloadSpeed: SPEC_RANGES.maxDownloadSpeed,
  poolMaxIdlePerHost: { min: 0, max: 100_000 },
  poolIdleTimeoutMs: { min: 1, max: MAX_TIMER_MS },
} as const satisfies Partial<Record<keyof typeof DOWNLOADER_DEFAULTS, NumberRange>>;
