/** A lease that is being delivered. */
export interface LeaseInFlight {
  /** Offset of the next byte. */
  readonly position: number;
  readonly end: number;
  /** Over the last moments. */
  readonly bytesPerSecond: number;
}

/** What another request costs before its first byte is there. */
const REQUEST_SECONDS = 0.25;
/** What a split must save: rates are measured roughly, and what is on its way already comes twice. */
const LEAST_GAIN_SECONDS = 0.5;

/**
 * At which offset a connection that has nothing to do should take over the rest of a lease, so that both finish
 * together; `undefined` when that would gain little. A lease that hardly moves is taken over whole.
 */
export function whereToSplit(
  { position, end, bytesPerSecond }: LeaseInFlight,
  ownBytesPerSecond: number,
  minSegmentSize: number,
): number | undefined {
  const left = end - position;
  if (left <= 0 || ownBytesPerSecond <= 0) return undefined;
  const kept = Math.floor(left * bytesPerSecond / (bytesPerSecond + ownBytesPerSecond));
  const at = kept < minSegmentSize ? position : position + kept;
  if (end - at < Math.min(minSegmentSize, left)) return undefined;
  const secondsAlone = left / bytesPerSecond;
  const secondsTogether = Math.max(
    at === position ? 0 : kept / bytesPerSecond,
    REQUEST_SECONDS + (end - at) / ownBytesPerSecond,
  );
  return secondsAlone - secondsTogether > LEAST_GAIN_SECONDS ? at : undefined;
}
