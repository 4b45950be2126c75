/** A lease should keep a connection busy for about this long. */
const TARGET_SECONDS = 2;
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

/** What the length of the next segment depends on. */
export interface SegmentSizeInput {
  /** Bytes nobody has a lease on. */
  readonly remaining: number;
  /** Connections that share them. */
  readonly connections: number;
  /** Measured for this connection, 0 before its first segment is over. */
  readonly bytesPerSecond: number;
  readonly minSegmentSize: number;
  readonly pieceSize: number;
}

/**
 * Bytes to lease next (guided self-scheduling): two seconds of this connection's rate, at most a fair
 * share of what remains, so that segments shrink towards the end and all connections finish together.
 * A lone connection shares with nobody and takes everything.
 */
export function segmentSize(input: SegmentSizeInput): number {
  const { remaining, connections, bytesPerSecond, minSegmentSize, pieceSize } = input;
  if (connections === 1) return remaining;
  const byRate = bytesPerSecond > 0 ? bytesPerSecond * TARGET_SECONDS : pieceSize;
  const fairShare = remaining / connections;
  const wanted = Math.min(byRate, fairShare, MAX_SEGMENT_BYTES);
  const size = Math.max(Math.ceil(wanted), minSegmentSize);
  return remaining - size < minSegmentSize ? remaining : size;
}
