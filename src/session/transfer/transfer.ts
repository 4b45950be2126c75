import type { BlockPool } from "../../lib/block.ts";
import type { HttpStatusError } from "../../errors.ts";
import type { ProbeResult } from "../../http/probe.ts";
import type { Lease, Scheduler } from "../../plan/scheduler.ts";
import type { PieceMap } from "../../plan/piece_map.ts";
import { whereToSplit } from "../../plan/tail.ts";
import type { WriteBackCache } from "../../sink/write_back_cache.ts";
import { strongValidator } from "../../http/validator.ts";
import type { RemoteFile } from "../../types.ts";
import { WaitList } from "../../lib/wait_list.ts";
import { OVER } from "../../lib/waiting.ts";
import type { SessionContext } from "../context.ts";
import { Flight } from "./flight.ts";
import { growWhileFaster } from "./growth.ts";
import type { KnownVersion } from "../sources/known_version.ts";

/** What a transfer works on. */
export interface TransferParts {
  readonly remote: RemoteFile;
  readonly version: KnownVersion;
  readonly pieces: PieceMap;
  readonly scheduler: Scheduler;
  readonly cache: WriteBackCache;
  readonly pool: BlockPool;
  /** How many connections to open at first. */
  readonly connections: number;
  /** How many there may be later, while more of them make it faster. */
  readonly maxConnections: number;
  /** Bytes that the file has at least, where no response says how many it has. */
  readonly leastSize: number;
  /** Forgets what has arrived, for a server that cannot go on in the middle. */
  readonly startOver: () => Promise<void>;
}

/** One connection at work. */
export interface Worker {
  /** Takes leases until nothing is left; `first` is a response that is already there. */
  run(first: ProbeResult | undefined): Promise<void>;
}

/** A request may take so many times as long as the slowest one so far before it counts as stuck. */
const PATIENCE = 3;
/** What the latest request counts for in the mean of all. */
const LATEST_WEIGHT = 1 / 4;
/** How often a connection with nothing to do looks whether another one needs help. */
const LOOK_MS = 250;
/** How long after one refusal a further one does not count again. */
const REFUSAL_WINDOW_MS = 1000;
/** After how long a connection that was refused in passing comes back; twice as long after each that is refused again. */
const RETURN_MS = 1000;
const MAX_RETURN_MS = 30_000;

/** Fetches what is missing over several connections, which it hands the leases. */
export class Transfer {
  readonly context: SessionContext;
  readonly parts: TransferParts;
  readonly #stop = new AbortController();
  /** Aborted when everything is there. */
  readonly #done = new AbortController();
  readonly #idle = new WaitList<void>();
  readonly #flights = new Set<Flight>();
  readonly #patience = new WeakMap<Lease, number>();
  #slowestFirstByteMs = 0;
  /** How long a request takes until its response begins. */
  #requestMs: number | undefined;
  #workers = 0;
  #connectionLimit: number;
  #notBeforeMs = -Infinity;
  /** Until when one that came back was told to wait. */
  #noReturnBeforeMs = -Infinity;
  #nextReductionMs = -Infinity;
  #usesRanges: boolean;
  /** The most that is asked for with one request. */
  #maxSegmentSize: number;
  #servedBytes = 0;
  #hasGoneOn = false;
  /** Connections that may come back, and how many ever went like that. */
  #away = 0;
  #departures = 0;
  /** What had been fetched in all when one last went or came back. */
  #fetchedAtChange = 0;
  #wereOthersRefused = false;
  readonly #departed = new WaitList<void>();
  #launch: (first?: ProbeResult, isReturning?: boolean) => void = () => {};

  constructor(context: SessionContext, parts: TransferParts) {
    this.context = context;
    this.parts = parts;
    this.#connectionLimit = parts.maxConnections;
    this.#usesRanges = parts.remote.acceptsRanges;
    this.#maxSegmentSize = context.spec.maxSegmentSize;
  }

  /** Aborted when one connection failed for good, or the download is stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Returns once the workers have fetched everything; rejects with the failure or the reason of `signal`. */
  async run(
    createWorker: (isReturning: boolean) => Worker,
    first: ProbeResult,
    signal: AbortSignal,
  ): Promise<void> {
    const stop = () => this.fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const runs = new Set<Promise<void>>();
    this.#launch = (response, isReturning = false) => {
      this.#workers++;
      const run = createWorker(isReturning).run(response).catch((error) => this.fail(error)).finally(() =>
        runs.delete(run)
      );
      runs.add(run);
    };
    try {
      if (signal.aborted) first.reader.close();
      signal.throwIfAborted();
      this.#launch(first);
      for (let count = 1; count < this.parts.connections; count++) this.#launch();
      const over = AbortSignal.any([this.signal, this.#done.signal]);
      const changes = [this.#grow(over), this.#letReturn(over)];
      while (runs.size > 0) await Promise.race(runs);
      this.#done.abort(OVER);
      await Promise.all(changes);
      this.signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #grow(over: AbortSignal): Promise<void> {
    const { parts: { connections, maxConnections, scheduler }, context: { runtime, status, limit } } = this;
    if (connections === maxConnections) return;
    const room = () => {
      const wasRefused = this.#connectionLimit < maxConnections || !this.#usesRanges;
      return wasRefused || limit.isSet || !scheduler.hasPending ? 0 : maxConnections - this.#workers;
    };
    const add = (count: number) => {
      for (let added = 0; added < count; added++) this.#launch();
      this.context.log("debug", `${this.#workers} connections from now on`);
    };
    await growWhileFaster({
      clock: runtime.clock,
      fetched: () => status.meter.fetched,
      connections: () => this.#workers,
      room,
      add,
    }, over);
  }

  /**
   * Lets connections return one by one that a passing refusal took, for as long as they are served. Where nothing comes
   * any more they stay away, or each would be the last one's reason to leave.
   */
  async #letReturn(over: AbortSignal): Promise<void> {
    const { runtime: { clock }, status: { meter }, log } = this.context;
    try {
      for (let delayMs = RETURN_MS;;) {
        if (this.#away === 0) await this.#departed.wait(over);
        const notBeforeMs = Math.max(this.#notBeforeMs, this.#noReturnBeforeMs);
        await clock.sleep(Math.max(delayMs, notBeforeMs - clock.monotonicMs()), over);
        if (!this.#usesRanges || !this.parts.scheduler.hasPending) continue;
        if (meter.fetched <= this.#fetchedAtChange) continue;
        const before = this.#departures;
        this.#away--;
        this.#fetchedAtChange = meter.fetched;
        this.#connectionLimit = Math.max(this.#connectionLimit, this.#workers + 1);
        this.#launch(undefined, true);
        log("info", `one more connection is tried; there are ${this.#workers} now`);
        await clock.sleep(RETURN_MS, over);
        delayMs = this.#departures > before ? Math.min(delayMs * 2, MAX_RETURN_MS) : RETURN_MS;
      }
    } catch {
      // The transfer is over.
    }
  }

  /** Ends every connection. */
  fail(reason: unknown): void {
    this.#stop.abort(reason);
  }

  /** Waits while the server asked for quiet. */
  async waitForServer(): Promise<void> {
    const { clock } = this.context.runtime;
    const waitMs = this.#notBeforeMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, this.signal);
  }

  /** Waits before another try, but not for longer than there is something to fetch. */
  async backOff(delayMs: number): Promise<void> {
    const over = AbortSignal.any([this.signal, this.#done.signal]);
    await this.context.runtime.clock.sleep(delayMs, over).catch(() => this.signal.throwIfAborted());
  }

  /**
   * Takes the next lease; when none is left, a part of one that is slow, or waits while others may still give one
   * back. `undefined` when all is done.
   */
  async nextLease(bytesPerSecond: number): Promise<Lease | undefined> {
    const { scheduler } = this.parts;
    for (;;) {
      this.signal.throwIfAborted();
      const requestSeconds = (this.#requestMs ?? 0) / 1000;
      const most = this.#usesRanges ? this.#maxSegmentSize : Infinity;
      const lease = scheduler.lease(bytesPerSecond, this.#workers, requestSeconds, most);
      if (lease !== undefined || scheduler.isDone) return lease;
      const rest = this.#usesRanges ? this.#helpSlowest(bytesPerSecond) : undefined;
      if (rest !== undefined) return rest;
      await this.#rest();
    }
  }

  /** Notes how long a request took until its response began. */
  noteRequest(ms: number): void {
    this.#requestMs ??= ms;
    this.#requestMs += (ms - this.#requestMs) * LATEST_WEIGHT;
  }

  /** Follows a lease on its way. */
  launch(lease: Lease): Flight {
    const patienceMs = this.#patience.get(lease) ?? this.#slowestFirstByteMs * PATIENCE;
    const flight = new Flight(lease, patienceMs, this.context.runtime.clock, this.signal);
    this.#flights.add(flight);
    return flight;
  }

  /** Ends a lease; what it did not deliver goes to whoever asks next. */
  land(flight: Flight): void {
    const { scheduler } = this.parts;
    flight.land();
    this.#flights.delete(flight);
    this.#slowestFirstByteMs = Math.max(this.#slowestFirstByteMs, flight.firstByteMs ?? 0);
    scheduler.giveBack(flight.lease);
    if (scheduler.isDone) this.#done.abort(OVER);
    if (scheduler.hasPending || scheduler.isDone) this.#idle.wakeAll();
  }

  #helpSlowest(bytesPerSecond: number): Lease | undefined {
    const { scheduler } = this.parts;
    const secondsLeft = (flight: Flight) => (flight.end - flight.position) / flight.bytesPerSecond;
    const measured = [...this.#flights].filter((flight) => flight.isMeasured)
      .sort((a, b) => secondsLeft(b) - secondsLeft(a));
    for (const flight of measured) {
      const at = whereToSplit(flight, bytesPerSecond, this.context.spec.minSegmentSize);
      const rest = at === undefined ? undefined : scheduler.split(flight.lease, at);
      if (rest === undefined) continue;
      // Or two that wait for a slow server would take it from one another for ever.
      this.#patience.set(rest, flight.patienceMs * 2);
      if (!flight.lease.active) flight.revoke();
      this.context.log("debug", `another connection takes over at byte ${rest.start}`);
      return rest;
    }
    return undefined;
  }

  async #rest(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.signal, over.signal]);
    try {
      await Promise.race([this.#idle.wait(signal), this.context.runtime.clock.sleep(LOOK_MS, signal)]);
    } finally {
      over.abort(OVER);
    }
  }

  /** The server did not bear that one more connection came back. The others, which it serves, need no quiet. */
  noteReturnRefused(error: HttpStatusError): void {
    this.#noReturnBeforeMs = this.context.runtime.clock.monotonicMs() + this.#quietMs(error);
  }

  /** The server cannot bear what we do (429, 503): fewer connections, and quiet for as long as it asks. */
  easeOff(error: HttpStatusError): void {
    const now = this.context.runtime.clock.monotonicMs();
    const quietMs = this.#quietMs(error);
    this.#notBeforeMs = Math.max(this.#notBeforeMs, now + quietMs);
    if (now < this.#nextReductionMs) return;
    this.#nextReductionMs = now + Math.max(quietMs, REFUSAL_WINDOW_MS);
    this.#connectionLimit = Math.max(1, Math.ceil(Math.min(this.#connectionLimit, this.#workers) / 2));
    this.context.log("info", `the server is overloaded; going on with ${this.#connectionLimit} connections`);
  }

  #quietMs({ retryAfterMs = 0 }: HttpStatusError): number {
    return Math.min(retryAfterMs, this.context.spec.retryMaxDelayMs);
  }

  /** Whether other connections are at work. */
  get hasOthers(): boolean {
    return this.#workers > 1;
  }

  /** Whether extra connections were refused for good. */
  get wereOthersRefused(): boolean {
    return this.#wereOthersRefused;
  }

  /** Whether there are more connections than the server bears. */
  get hasTooMany(): boolean {
    return this.#workers > this.#connectionLimit;
  }

  /** A connection leaves the rest to the others. One that was refused in passing may return later. */
  retire(mayReturn: boolean): void {
    this.#workers--;
    if (!mayReturn) {
      this.#wereOthersRefused = true;
      this.context.source.closeIdle();
      // It was not the length of its range.
      this.#maxSegmentSize = this.context.spec.maxSegmentSize;
      return;
    }
    this.#away++;
    this.#departures++;
    this.#fetchedAtChange = this.context.status.meter.fetched;
    this.#departed.wakeAll();
  }

  /** Whether requests ask for ranges, and not for the whole file. */
  get usesRanges(): boolean {
    return this.#usesRanges;
  }

  /** From now on one connection asks for the whole file, and uses what is missing of it. */
  askPlainly(): void {
    this.#usesRanges = false;
    this.#connectionLimit = 1;
  }

  /** Whether what has arrived stays when a request fails: the next one can be shown to be of the same version. */
  get keepsProgress(): boolean {
    const { version } = this.parts;
    const isProvable = version.isJudgedByChecksum || strongValidator(version.validator) !== undefined;
    return this.#usesRanges || (version.size !== undefined && isProvable);
  }

  /** The longest range that was served. */
  get servedBytes(): number {
    return this.#servedBytes;
  }

  noteServed(bytes: number): void {
    this.#servedBytes = Math.max(this.#servedBytes, bytes);
  }

  /** Whether the server has sent something from the middle of the file. */
  get hasGoneOn(): boolean {
    return this.#hasGoneOn;
  }

  noteGoneOn(): void {
    this.#hasGoneOn = true;
  }

  /** Longer ranges than this are refused. */
  askForLess(bytes: number): void {
    this.#maxSegmentSize = Math.min(this.#maxSegmentSize, bytes);
    this.context.log("info", `a long range was refused; asking for ${bytes} bytes at most`);
  }
}
