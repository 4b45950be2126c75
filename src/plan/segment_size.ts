/** Intended duration of a lease. */
const TARGET_SECONDS = 2;
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/**
 * A lease should last this many times as long as its request, so that connections seldom wait for the server.
 */
const REQUESTS_WORTH = 8;
/** Rate of a connection before the first measurement. */
const ASSUMED_BYTES_PER_SECOND = 16 * 1024 * 1024;

/** The values that decide the length of the next segment. */
export interface SegmentSizeInput {
  /** Bytes without a lease. */
  readonly remaining: number;
  /** Bytes that the active leases have not delivered yet. */
  readonly inFlight: number;
  /** Connections that share both. */
  readonly connections: number;
  /** How many connections have no lease, including the one that takes this segment. */
  readonly idle: number;
  /** Measured rate of this connection; 0 before the end of its first segment. */
  readonly bytesPerSecond: number;
  /** Time between a request and its response. */
  readonly requestSeconds: number;
  readonly minSegmentSize: number;
  /** Largest range of one request. This limit has priority over all others. */
  readonly maxSegmentSize: number;
  readonly pieceSize: number;
}

/**
 * Bytes of the next lease (guided self-scheduling): two seconds at the rate of this connection, but at most
 * half of its share of the missing bytes. So segments shrink towards the end, and all connections finish
 * together. If another request would take too long, the limit is the full share. Idle connections keep their
 * part of the bytes without a lease. A single connection takes all bytes.
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
