import { WaitList } from "../../lib/wait_list.ts";
import { OVER } from "../../lib/waiting.ts";
import type { Lease, Scheduler } from "../../plan/scheduler.ts";
import { whereToSplit } from "../../plan/tail.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { ByteRange, Logger } from "../../types.ts";
import { ActiveLease } from "./active_lease.ts";

/** What a {@linkcode LeaseDesk} works with. */
export interface LeaseDeskOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scheduler: Scheduler;
  /** The fewest bytes that are worth a request of their own. */
  readonly minSegmentSize: number;
  /** Aborted when the transfer ends early. */
  readonly signal: AbortSignal;
}

/** What a server allows at the moment. */
export interface RequestLimits {
  /** How many connections share the missing bytes. */
  readonly connections: number;
  /** Whether requests are for ranges, so that a lease can be divided. */
  readonly usesRanges: boolean;
  /** The most bytes of one request. */
  readonly maxSegmentSize: number;
}

/** A request may take this many times as long as the slowest one so far before it counts as stuck. */
const PATIENCE = 3;
/** The weight of the latest request in the mean of all. */
const LATEST_WEIGHT = 1 / 4;
/** How often an idle connection checks whether another one needs help. */
const LOOK_MS = 250;

/** Gives leases to the connections, and takes back ranges that they did not deliver. */
export class LeaseDesk {
  readonly #options: LeaseDeskOptions;
  readonly #done = new AbortController();
  readonly #returned = new WaitList<void>();
  readonly #active = new Set<ActiveLease>();
  readonly #patience = new WeakMap<Lease, number>();
  #slowestFirstByteMs = 0;
  #requestMs: number | undefined;

  constructor(options: LeaseDeskOptions) {
    this.#options = options;
  }

  /** Aborted when everything was delivered. */
  get done(): AbortSignal {
    return this.#done.signal;
  }

  /**
   * Takes the next lease. If none is left, it takes over a part of a slow lease, or waits while another connection
   * may still return a lease. `undefined` when everything was delivered.
   */
  async next(bytesPerSecond: number, limits: RequestLimits): Promise<Lease | undefined> {
    const { scheduler, signal } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const requestSeconds = (this.#requestMs ?? 0) / 1000;
      const maxBytes = limits.usesRanges ? limits.maxSegmentSize : Infinity;
      const lease = scheduler.lease(bytesPerSecond, limits.connections, requestSeconds, maxBytes);
      if (lease !== undefined || scheduler.isDone) return lease;
      const rest = limits.usesRanges ? this.#splitSlowest(bytesPerSecond) : undefined;
      if (rest !== undefined) return rest;
      await this.#waitForReturned();
    }
  }

  /** Notes the milliseconds from a request to the head of its response. */
  noteRequest(ms: number): void {
    this.#requestMs ??= ms;
    this.#requestMs += (ms - this.#requestMs) * LATEST_WEIGHT;
  }

  /** Measures a lease from its request on. */
  track(lease: Lease): ActiveLease {
    const { clock, signal } = this.#options;
    const patienceMs = this.#patience.get(lease) ?? this.#slowestFirstByteMs * PATIENCE;
    const active = new ActiveLease(lease, patienceMs, clock, signal);
    this.#active.add(active);
    return active;
  }

  /** Adds a range that turned out to be missing. */
  add(range: ByteRange): void {
    this.#options.scheduler.add(range);
    this.#returned.wakeAll();
  }

  /** No more ranges turn out to be missing. */
  close(): void {
    const { scheduler } = this.#options;
    scheduler.close();
    if (!scheduler.isDone) return;
    this.#done.abort(OVER);
    this.#returned.wakeAll();
  }

  /** Ends a lease. Its undelivered bytes go to the next connection that needs a lease. */
  release(active: ActiveLease): void {
    const { scheduler } = this.#options;
    active.release();
    this.#active.delete(active);
    this.#slowestFirstByteMs = Math.max(this.#slowestFirstByteMs, active.firstByteMs ?? 0);
    scheduler.giveBack(active.lease);
    if (scheduler.isDone) this.#done.abort(OVER);
    if (scheduler.hasPending || scheduler.isDone) this.#returned.wakeAll();
  }

  /** Tracks a lease while `work` runs. A failure does not count where another connection took the lease over. */
  async whileTracked(lease: Lease, work: (active: ActiveLease) => Promise<void>): Promise<void> {
    const active = this.track(lease);
    try {
      await work(active);
    } catch (error) {
      if (lease.active || this.#options.signal.aborted) throw error;
    } finally {
      this.release(active);
    }
  }

  #splitSlowest(bytesPerSecond: number): Lease | undefined {
    const { scheduler, minSegmentSize, log } = this.#options;
    const secondsLeft = (active: ActiveLease) => (active.end - active.position) / active.bytesPerSecond;
    const measured = [...this.#active].filter((active) => active.isMeasured)
      .sort((a, b) => secondsLeft(b) - secondsLeft(a));
    for (const active of measured) {
      const at = whereToSplit(active, bytesPerSecond, minSegmentSize);
      const rest = at === undefined ? undefined : scheduler.split(active.lease, at);
      if (rest === undefined) continue;
      // Otherwise two connections to a slow server would take the lease over from each other without end.
      this.#patience.set(rest, active.patienceMs * 2);
      if (!active.lease.active) active.revoke();
      log("debug", `another connection takes over at byte ${rest.start}`);
      return rest;
    }
    return undefined;
  }

  async #waitForReturned(): Promise<void> {
    const { clock, signal } = this.#options;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([this.#returned.wait(either), clock.sleep(LOOK_MS, either)]);
    } finally {
      over.abort(OVER);
    }
  }
}
