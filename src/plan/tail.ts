/** An active lease. */
export interface LeaseInFlight {
  /** Offset of the next byte. */
  readonly position: number;
  readonly end: number;
  /** Recent rate of the lease. */
  readonly bytesPerSecond: number;
}

/** Time between another request and its first byte. */
const REQUEST_SECONDS = 0.25;
/** Least time that a split must save. Measured rates are rough, and bytes in flight arrive twice. */
const LEAST_GAIN_SECONDS = 0.5;

/**
 * Offset from which an idle connection should take over a lease, so that both finish together; `undefined`
 * when this saves little time. The complete rest of a very slow lease is taken over. A connection without a measured
 * rate, which is 0 then, counts as one like the other: it gets half.
 */
export function whereToSplit(
  { position, end, bytesPerSecond }: LeaseInFlight,
  ownBytesPerSecond: number,
  minSegmentSize: number,
): number | undefined {
  const left = end - position;
  if (left <= 0) return undefined;
  const own = ownBytesPerSecond > 0 ? ownBytesPerSecond : Math.max(bytesPerSecond, 1);
  const theirs = ownBytesPerSecond > 0 ? bytesPerSecond : own;
  const kept = Math.floor(left * theirs / (theirs + own));
  const at = kept < minSegmentSize ? position : position + kept;
  if (end - at < Math.min(minSegmentSize, left)) return undefined;
  const secondsAlone = left / theirs;
  const secondsTogether = Math.max(
    at === position ? 0 : kept / theirs,
    REQUEST_SECONDS + (end - at) / own,
  );
  return secondsAlone - secondsTogether > LEAST_GAIN_SECONDS ? at : undefined;
}
