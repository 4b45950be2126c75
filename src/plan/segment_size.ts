/** A lease should keep a connection busy for about this long. */
const TARGET_SECONDS = 2;
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** How many times as long as its request takes a lease should last, so that connections seldom wait for a server. */
const REQUESTS_WORTH = 8;
/** What a connection is taken for before its rate is known. */
const ASSUMED_BYTES_PER_SECOND = 16 * 1024 * 1024;

/** What the length of the next segment depends on. */
export interface SegmentSizeInput {
  /** Bytes nobody has a lease on. */
  readonly remaining: number;
  /** Bytes that are still to come of the leases in flight. */
  readonly inFlight: number;
  /** Connections that share both. */
  readonly connections: number;
  /** How many of them have no lease, the one that asks included. */
  readonly idle: number;
  /** Measured for this connection, 0 before its first segment is over. */
  readonly bytesPerSecond: number;
  /** From a request to its response. */
  readonly requestSeconds: number;
  readonly minSegmentSize: number;
  /** The most that one request may ask for; it wins over all else. */
  readonly maxSegmentSize: number;
  readonly pieceSize: number;
}

/**
 * Bytes to lease next (guided self-scheduling): two seconds of this connection's rate, at most half of its share of
 * what is still to come, so that segments shrink towards the end and all connections finish together. The whole share
 * where a further request would take too long, and never what others need who have nothing. A lone connection shares
 * with nobody and takes everything.
 */
export function segmentSize(input: SegmentSizeInput): number {
  const { remaining, inFlight, connections, idle, bytesPerSecond, requestSeconds } = input;
  const { minSegmentSize, maxSegmentSize, pieceSize } = input;
  if (connections === 1) return Math.min(remaining, maxSegmentSize);
  const rate = bytesPerSecond > 0 ? bytesPerSecond : ASSUMED_BYTES_PER_SECOND;
  const worthwhile = rate * requestSeconds * REQUESTS_WORTH;
  const byRate = bytesPerSecond > 0 ? bytesPerSecond * TARGET_SECONDS : pieceSize;
  const share = (remaining + inFlight) / connections;
  const wanted = Math.min(
    Math.max(byRate, worthwhile),
    Math.max(share / 2, Math.min(share, worthwhile)),
    remaining / idle,
    MAX_SEGMENT_BYTES,
  );
  const size = Math.min(remaining, Math.max(Math.ceil(wanted), minSegmentSize));
  return Math.min(remaining - size < minSegmentSize ? remaining : size, maxSegmentSize);
}
