import { onAbort } from "../../lib/on_abort.ts";
import type { Lease } from "../../plan/scheduler.ts";
import type { LeaseInFlight } from "../../plan/tail.ts";
import type { Clock } from "../../runtime/runtime.ts";

/** The shortest time over which a rate is measured. */
const SAMPLE_MS = 500;

/** A lease that a connection delivers, and its rate. */
export class ActiveLease implements LeaseInFlight {
  readonly lease: Lease;
  /** How long it may be without a byte before its rate counts. */
  readonly patienceMs: number;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #onTransferEnd: Disposable;
  readonly #startedMs: number;
  #firstByteMs: number | undefined;
  #sample: { readonly ms: number; readonly position: number };
  #older: { readonly ms: number; readonly position: number };

  /** `transferSignal` is aborted when the transfer ends early. */
  constructor(lease: Lease, patienceMs: number, clock: Clock, transferSignal: AbortSignal) {
    this.lease = lease;
    this.patienceMs = Math.max(patienceMs, SAMPLE_MS);
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#sample = this.#older = { ms: this.#startedMs, position: lease.position };
    this.#onTransferEnd = onAbort(transferSignal, () => this.#stop.abort(transferSignal.reason));
  }

  /** Aborted when the transfer ends early, and when another connection took the lease over. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get position(): number {
    return this.lease.position;
  }

  get end(): number {
    return this.lease.end;
  }

  /** The rate since half a second to one second ago, silence included. */
  get bytesPerSecond(): number {
    const ms = this.#clock.monotonicMs() - this.#older.ms;
    return ms === 0 ? 0 : (this.position - this.#older.position) / ms * 1000;
  }

  /** Milliseconds from the request to the first byte, `undefined` before that byte. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  /** Whether it has been active for long enough to know its rate. */
  get isMeasured(): boolean {
    const sinceMs = this.#firstByteMs === undefined ? this.patienceMs : SAMPLE_MS;
    return this.#clock.monotonicMs() - this.#older.ms >= sinceMs;
  }

  /** Takes a sample. Called when bytes have arrived. */
  noteBytes(): void {
    const ms = this.#clock.monotonicMs();
    this.#firstByteMs ??= ms - this.#startedMs;
    if (ms - this.#sample.ms < SAMPLE_MS) return;
    this.#older = this.#sample;
    this.#sample = { ms, position: this.position };
  }

  /** Aborts its request, because another connection took the lease over. */
  revoke(): void {
    this.#stop.abort();
  }

  /** Stops following the transfer. Called when the request has ended. */
  release(): void {
    this.#onTransferEnd[Symbol.dispose]();
  }
}
