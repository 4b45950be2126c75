import type { BlockPool } from "../block.ts";
import type { HttpStatusError } from "../errors.ts";
import type { ProbeResult } from "../http/probe.ts";
import type { Lease, Scheduler } from "../plan/scheduler.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { WriteBackCache } from "../storage/write_back_cache.ts";
import type { RemoteFile } from "../types.ts";
import { WaitList } from "../wait_list.ts";
import type { SessionContext } from "./context.ts";

/** What a transfer works on. */
export interface TransferParts {
  readonly remote: RemoteFile;
  readonly pieces: PieceMap;
  readonly scheduler: Scheduler;
  readonly cache: WriteBackCache;
  readonly pool: BlockPool;
  /** How many connections to open. */
  readonly connections: number;
  /** Forgets what has arrived, for a server that cannot go on in the middle. */
  readonly startOver: () => Promise<void>;
}

/** One connection at work. */
export interface Worker {
  /** Takes leases until nothing is left; `first` is a response that is already there. */
  run(first: ProbeResult | undefined): Promise<void>;
}

/** How long after one refusal a further one does not count again. */
const REFUSAL_WINDOW_MS = 1000;

/** Fetches what is missing over several connections, which it hands the leases. */
export class Transfer {
  readonly context: SessionContext;
  readonly parts: TransferParts;
  readonly #stop = new AbortController();
  readonly #idle = new WaitList<void>();
  #workers = 0;
  #connectionLimit: number;
  #notBeforeMs = -Infinity;
  #nextReductionMs = -Infinity;

  constructor(context: SessionContext, parts: TransferParts) {
    this.context = context;
    this.parts = parts;
    this.#connectionLimit = parts.connections;
  }

  /** Aborted when one connection failed for good, or the download is stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Returns once the workers have fetched everything; rejects with the failure or the reason of `signal`. */
  async run(workers: readonly Worker[], first: ProbeResult, signal: AbortSignal): Promise<void> {
    const stop = () => this.fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      this.#workers = workers.length;
      const runs = workers.map((worker, index) => worker.run(index === 0 ? first : undefined));
      await Promise.all(runs.map((run) => run.catch((error) => this.fail(error))));
      this.signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", stop);
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

  /** Takes the next lease; waits while others may still give one back. `undefined` when all is done. */
  async nextLease(bytesPerSecond: number): Promise<Lease | undefined> {
    const { scheduler } = this.parts;
    for (;;) {
      this.signal.throwIfAborted();
      const lease = scheduler.lease(bytesPerSecond, this.#workers);
      if (lease !== undefined || scheduler.isDone) return lease;
      await this.#idle.wait(this.signal);
    }
  }

  /** Ends a lease; what it did not deliver goes to whoever asks next. */
  release(lease: Lease): void {
    const { scheduler } = this.parts;
    scheduler.giveBack(lease);
    if (scheduler.hasPending || scheduler.isDone) this.#idle.wakeAll();
  }

  /** The server cannot bear what we do (429, 503): fewer connections, and quiet for as long as it asks. */
  easeOff(error: HttpStatusError): void {
    const now = this.context.runtime.clock.monotonicMs();
    const quietMs = Math.min(error.retryAfterMs ?? 0, this.context.spec.retryMaxDelayMs);
    this.#notBeforeMs = Math.max(this.#notBeforeMs, now + quietMs);
    if (now < this.#nextReductionMs) return;
    this.#nextReductionMs = now + Math.max(quietMs, REFUSAL_WINDOW_MS);
    this.#connectionLimit = Math.max(1, Math.ceil(this.#connectionLimit / 2));
    this.context.log("info", `the server is overloaded; going on with ${this.#connectionLimit} connections`);
  }

  /** Whether a worker may leave the rest to the others, because there are more than the server bears. */
  tryRetire(isExhausted: boolean): boolean {
    if (this.#workers === 1 || (!isExhausted && this.#workers <= this.#connectionLimit)) return false;
    this.#workers--;
    return true;
  }
}
