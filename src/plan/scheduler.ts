import type { ByteRange } from "../types.ts";
import { segmentSize } from "./segment_size.ts";

/** The right to deliver one segment. Bytes that arrive after the end of the lease are dropped. */
export interface Lease {
  readonly start: number;
  readonly end: number;
  /** Offset of the next byte to deliver. */
  readonly position: number;
  /** Whether the lease may still deliver. */
  readonly active: boolean;
}

interface MutableLease extends Lease {
  end: number;
  position: number;
  active: boolean;
}

/** Settings of a {@linkcode Scheduler}. */
export interface SchedulerOptions {
  /** The ranges to fetch, ascending. */
  readonly missing: readonly ByteRange[];
  readonly minSegmentSize: number;
  readonly pieceSize: number;
  /**
   * Whether more ranges may turn out to be missing, until `close()`.
   *
   * @default {false}
   */
  readonly isOpen?: boolean;
}

/** Leases the missing ranges, lowest offset first. Each byte belongs to one lease at a time. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  /** Ranges without a lease, descending, so that the lowest is popped from the end. */
  #pending: ByteRange[];
  readonly #active = new Set<MutableLease>();
  #pendingBytes: number;
  #isOpen: boolean;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#isOpen = options.isOpen ?? false;
    this.#pending = options.missing.toReversed();
    this.#pendingBytes = this.#pending.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Whether all bytes were delivered, and no more can turn out to be missing. */
  get isDone(): boolean {
    return this.isIdle && !this.#isOpen;
  }

  /** Whether there is nothing to fetch now. */
  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#active.size === 0;
  }

  /** Whether a range without a lease is left. */
  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Leases that are being delivered. */
  get activeLeases(): number {
    return this.#active.size;
  }

  /** Takes a lease for one of `connections`. Its rate and the time of its requests are measured values. */
  lease(
    bytesPerSecond: number,
    connections: number,
    requestSeconds = 0,
    maxSegmentSize = Infinity,
  ): Lease | undefined {
    const { minSegmentSize, pieceSize } = this.#options;
    let inFlight = 0;
    for (const { position, end } of this.#active) inFlight += end - position;
    return this.#take(segmentSize({
      remaining: this.#pendingBytes,
      idle: Math.max(1, connections - this.#active.size),
      ...{ inFlight, connections, bytesPerSecond, requestSeconds, minSegmentSize, maxSegmentSize, pieceSize },
    }));
  }

  /**
   * Takes a lease for the range of a response that has already arrived, if a missing range starts at the same
   * offset.
   */
  leaseCovered(range: ByteRange): Lease | undefined {
    const index = this.#pending.findLastIndex(({ start }) => start === range.start);
    return index < 0 || range.end <= range.start ? undefined : this.#take(range.end - range.start, index);
  }

  /** Counts `length` received bytes. Returns how many of them belong to the lease. */
  deliver(lease: Lease, length: number): number {
    const current = this.#find(lease);
    if (current === undefined) return 0;
    const accepted = Math.min(length, current.end - current.position);
    current.position += accepted;
    return accepted;
  }

  /** Ends a lease. The bytes that it did not deliver become pending again. */
  giveBack(lease: Lease): void {
    const current = this.#find(lease);
    if (current === undefined) return;
    this.#retire(current);
    if (current.position < current.end) this.#addPending({ start: current.position, end: current.end });
  }

  /** Moves the part of a lease from `at` on to a new lease. A lease that keeps no bytes ends. */
  split(lease: Lease, at: number): Lease | undefined {
    const current = this.#find(lease);
    if (current === undefined || at < current.position || at >= current.end) return undefined;
    const rest: MutableLease = { start: at, end: current.end, position: at, active: true };
    current.end = at;
    if (current.position === at) this.#retire(current);
    this.#active.add(rest);
    return rest;
  }

  /** Ends a lease of unknown length after its last delivered byte. */
  endOfData(lease: Lease): void {
    const current = this.#find(lease);
    if (current === undefined) return;
    current.end = current.position;
    this.#retire(current);
  }

  /** Adds a range that turned out to be missing. It joins the one before it, so that one request fetches both. */
  add(range: ByteRange): void {
    const index = this.#pending.findLastIndex(({ end }) => end === range.start);
    if (index < 0) return this.#addPending(range);
    this.#pending[index] = { start: this.#pending[index]!.start, end: range.end };
    this.#pendingBytes += range.end - range.start;
  }

  /** No more ranges turn out to be missing. */
  close(): void {
    this.#isOpen = false;
  }

  /** Ends every lease and restarts with `missing`. */
  restart(missing: readonly ByteRange[]): void {
    for (const lease of this.#active) lease.active = false;
    this.#active.clear();
    this.#pending = missing.toReversed();
    this.#pendingBytes = missing.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  #take(length: number, index = this.#pending.length - 1): Lease | undefined {
    const range = this.#pending[index];
    if (range === undefined) return undefined;
    const { start } = range;
    const end = Math.min(range.end, start + length);
    this.#pending.splice(index, 1, ...(end < range.end ? [{ start: end, end: range.end }] : []));
    // Infinity minus Infinity is NaN.
    this.#pendingBytes = this.#pending.length === 0 ? 0 : this.#pendingBytes - (end - start);
    const lease: MutableLease = { start, end, position: start, active: true };
    this.#active.add(lease);
    return lease;
  }

  #find(lease: Lease): MutableLease | undefined {
    return this.#active.has(lease as MutableLease) ? lease as MutableLease : undefined;
  }

  #retire(lease: MutableLease): void {
    lease.active = false;
    this.#active.delete(lease);
  }

  #addPending(range: ByteRange): void {
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pending[middle]!.start > range.start) low = middle + 1;
      else high = middle;
    }
    this.#pending.splice(low, 0, range);
    this.#pendingBytes += range.end - range.start;
  }
}
