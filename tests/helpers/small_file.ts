/**
 * Options with which a file of some hundred KiB is fetched as a large one is by default, in many small parts, and with
 * retries that take no time.
 */
export const SMALL_FILE = {
  pieceSize: 65_536,
  minSplitSize: 0,
  minSegmentSize: 16_384,
  retryBaseDelayMs: 1,
} as const;
