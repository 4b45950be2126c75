import type { TlsOptions } from "./network_options.ts";
import type { DownloaderOptions, DownloadSpec } from "./options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The longest delay that a timer accepts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The range of a number option: whole numbers from `min` to `max`, both included. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** The defaults of a spec. An option that is missing here has no default. */
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

/** The defaults of a downloader's options. */
export const DOWNLOADER_DEFAULTS = {
  maxConcurrentDownloads: 4,
  maxDownloadsPerHost: Infinity,
  maxDownloadSpeed: 0,
  uniqueOutputs: false,
  enableIpv6: true,
  poolMaxIdlePerHost: 256,
  poolIdleTimeoutMs: 90_000,
} as const satisfies DownloaderOptions;

/** The defaults of the TLS options. */
export const TLS_DEFAULTS = { insecure: false } as const satisfies TlsOptions;

/**
 * The defaults in which the command differs from the library. A person watches the command, and two commands cannot
 * share a limit.
 */
export const COMMAND_DEFAULTS = { maxConnections: "auto" } as const satisfies Partial<DownloadSpec>;

/** The most connections that `"auto"` opens. */
export const AUTO_CONNECTIONS = 16;

/** The ranges of a spec's number options. The command's flags have the same ranges. */
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

/** The ranges of a downloader's number options. */
export const DOWNLOADER_RANGES = {
  maxConcurrentDownloads: { min: 1, max: 1000 },
  maxDownloadsPerHost: { min: 1, max: Infinity },
  maxDownloadSpeed: SPEC_RANGES.maxDownloadSpeed,
  poolMaxIdlePerHost: { min: 0, max: 100_000 },
  poolIdleTimeoutMs: { min: 1, max: MAX_TIMER_MS },
} as const satisfies Partial<Record<keyof typeof DOWNLOADER_DEFAULTS, NumberRange>>;
