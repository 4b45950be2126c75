import { type Lease, Scheduler } from "../../../src/plan/scheduler.ts";
import type { ByteRange } from "../../../src/types.ts";

/** The usual size of a piece. */
export const PIECE_SIZE: number = 1024 * 1024;
/** What arrives at a time. */
export const BLOCK_SIZE: number = PIECE_SIZE / 2;
const CONNECTIONS = 16;
/** One lease in so many ends half-way, as when a connection is lost. */
const LOST_EVERY = 16;

/** What a file of `pieces` pieces lacks when each second one is there, which is as scattered as it can be. */
export function everySecondPiece(pieces: number): ByteRange[] {
  return Array.from({ length: Math.floor(pieces / 2) }, (_, index) => {
    const start = 2 * index * PIECE_SIZE;
    return { start, end: start + PIECE_SIZE };
  });
}

/** A download as the plan sees it: connections that take turns, each with a block of what it has leased. */
export class SimulatedDownload {
  readonly scheduler: Scheduler;
  /** The most leases that there were at a time. */
  peakLeases = 0;
  readonly #leases = new Map<number, Lease>();
  #turn = 0;
  #leased = 0;

  constructor(missing: readonly ByteRange[]) {
    this.scheduler = new Scheduler({ missing, minSegmentSize: PIECE_SIZE, pieceSize: PIECE_SIZE });
  }

  /** Delivers a block and returns what it is of; `undefined` once all is there. */
  next(): ByteRange | undefined {
    const { scheduler } = this;
    while (!scheduler.isDone) {
      const connection = this.#turn++ % CONNECTIONS;
      const lease = this.#leases.get(connection) ?? scheduler.lease(0, CONNECTIONS);
      if (lease === undefined) continue; // the others have what is left
      this.#leases.set(connection, lease);
      this.peakLeases = Math.max(this.peakLeases, scheduler.activeLeases);
      const start = lease.position;
      const end = start + scheduler.deliver(lease, BLOCK_SIZE);
      const isLost = end < lease.end && ++this.#leased % LOST_EVERY === 0;
      if (isLost || end === lease.end) {
        scheduler.giveBack(lease);
        this.#leases.delete(connection);
      }
      return { start, end };
    }
    return undefined;
  }
}
