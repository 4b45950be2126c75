import type { LeaseInFlight } from "../../plan/tail.ts";
import type { Lease } from "../../plan/scheduler.ts";
import type { Clock } from "../../runtime/runtime.ts";

/** How far back its rate is looked at, at least. */
const SAMPLE_MS = 500;

/** A lease on its way, and how fast it moves. */
export class Flight implements LeaseInFlight {
  readonly lease: Lease;
  /** How long it may be without a byte before that counts. */
  readonly patienceMs: number;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #outer: AbortSignal;
  readonly #startedMs: number;
  #firstByteMs: number | undefined;
  #sample: { readonly ms: number; readonly position: number };
  #older: { readonly ms: number; readonly position: number };

  constructor(lease: Lease, patienceMs: number, clock: Clock, outer: AbortSignal) {
    this.lease = lease;
    this.patienceMs = Math.max(patienceMs, SAMPLE_MS);
    this.#clock = clock;
    this.#outer = outer;
    this.#startedMs = clock.monotonicMs();
    this.#sample = this.#older = { ms: this.#startedMs, position: lease.position };
    if (outer.aborted) this.#abort();
    else outer.addEventListener("abort", this.#abort, { once: true });
  }

  /** Aborted when the transfer is, and when the lease is lost to another connection. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get position(): number {
    return this.lease.position;
  }

  get end(): number {
    return this.lease.end;
  }

  /** Since a half to a whole second ago, silence included. */
  get bytesPerSecond(): number {
    const ms = this.#clock.monotonicMs() - this.#older.ms;
    return ms === 0 ? 0 : (this.position - this.#older.position) / ms * 1000;
  }

  /** From the request to the first byte, in milliseconds, once that is there. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  /** Whether it has been under way for long enough to tell its rate. */
  get isMeasured(): boolean {
    const sinceMs = this.#firstByteMs === undefined ? this.patienceMs : SAMPLE_MS;
    return this.#clock.monotonicMs() - this.#older.ms >= sinceMs;
  }

  /** Called when bytes have arrived. */
  note(): void {
    const ms = this.#clock.monotonicMs();
    this.#firstByteMs ??= ms - this.#startedMs;
    if (ms - this.#sample.ms < SAMPLE_MS) return;
    this.#older = this.#sample;
    this.#sample = { ms, position: this.position };
  }

  /** The lease is lost. */
  revoke(): void {
    this.#stop.abort();
  }

  /** It has arrived, or failed. */
  land(): void {
    this.#outer.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#stop.abort(this.#outer.reason);
}
