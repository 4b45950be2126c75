import type { Clock } from "../runtime/runtime.ts";
import { onAbort } from "../lib/on_abort.ts";

/** Largest burst after a pause, in seconds of the rate. */
const BURST_SECONDS = 0.05;
/** Longest duration of a slice. Short slices keep a slow stream smooth. */
const SLICE_SECONDS = 0.05;

const MAX_SLEEP_MS = 60_000;

interface Waiter {
  bytes: number;
  readonly admit: () => void;
}

/** A rate limit that any number of streams share, first come, first served. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #waiters: Waiter[] = [];
  #bytesPerSecond: number;
  /** Negative while more bytes have passed than the rate allows so far. */
  #tokens = 0;
  #filledMs: number;
  #timer: AbortController | undefined;

  /** `bytesPerSecond` 0 means no limit. */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#filledMs = clock.monotonicMs();
  }

  /** Bytes a second, 0 for no limit. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Takes effect immediately, also for waiting streams. */
  set bytesPerSecond(value: number) {
    this.#refill();
    const before = this.#bytesPerSecond;
    this.#bytesPerSecond = value;
    this.#tokens = value === 0 ? 0 : Math.min(this.#tokens, this.#burst);
    if (value > 0 && value < before) this.#clearDebt();
    this.#admitWaiting();
  }

  /** Largest number of bytes for one `take()`. */
  get sliceSize(): number {
    return this.#bytesPerSecond === 0
      ? Infinity
      : Math.max(1, Math.floor(this.#bytesPerSecond * SLICE_SECONDS));
  }

  /** Returns once `bytes` may pass; rejects with the signal's reason when it is aborted first. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#refill();
    if (this.#waiters.length === 0 && this.#admits) return this.#spend(bytes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { bytes, admit: resolve };
    using _leaving = onAbort(signal, () => {
      const index = this.#waiters.indexOf(waiter);
      if (index >= 0) this.#waiters.splice(index, 1);
      reject(signal.reason);
      this.#admitWaiting();
    });
    this.#waiters.push(waiter);
    this.#schedule();
    await promise;
  }

  /**
   * Limits the debt, and the waiting slices, to one slice at the new rate. They were made for a higher rate,
   * and would take very long.
   */
  #clearDebt(): void {
    this.#tokens = Math.max(this.#tokens, -this.sliceSize);
    for (const waiter of this.#waiters) waiter.bytes = Math.min(waiter.bytes, this.sliceSize);
  }

  get #burst(): number {
    return this.#bytesPerSecond * BURST_SECONDS;
  }

  /** Whether the first waiter may pass: the debt of all earlier bytes is zero. */
  get #admits(): boolean {
    return this.#bytesPerSecond === 0 || this.#tokens >= 0;
  }

  /** Without a limit bytes make no debt. Otherwise a later limit would start with a very long wait. */
  #spend(bytes: number): void {
    if (this.#bytesPerSecond > 0) this.#tokens -= bytes;
  }

  #refill(): void {
    const now = this.#clock.monotonicMs();
    const earned = (now - this.#filledMs) / 1000 * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#filledMs = now;
  }

  #admitWaiting(): void {
    this.#refill();
    while (this.#waiters.length > 0 && this.#admits) {
      const waiter = this.#waiters.shift()!;
      this.#spend(waiter.bytes);
      waiter.admit();
    }
    this.#timer?.abort();
    this.#timer = undefined;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiters.length === 0) return;
    const timer = new AbortController();
    this.#timer = timer;
    const delayMs = Math.ceil(-this.#tokens / this.#bytesPerSecond * 1000);
    this.#clock.sleep(Math.min(Math.max(delayMs, 1), MAX_SLEEP_MS), timer.signal).then(
      () => this.#admitWaiting(),
      () => {},
    );
  }
}

/** The limits for the streams of one download: its own, and that of the downloader. */
export class RateLimit {
  readonly #buckets: readonly TokenBucket[];

  constructor(...buckets: readonly TokenBucket[]) {
    this.#buckets = buckets;
  }

  /** Whether any of the limits is set. */
  get isSet(): boolean {
    return this.#buckets.some((bucket) => bucket.bytesPerSecond > 0);
  }

  /**
   * Passes bytes at the rate of the slowest limit. Calls `onDelay(true)` when it starts to delay a chunk, and
   * `onDelay(false)` after it.
   */
  transform(
    signal: AbortSignal,
    onDelay: (isDelayed: boolean) => void,
  ): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
    return new TransformStream({
      transform: async (chunk, controller) => {
        onDelay(true);
        for (let start = 0; start < chunk.length;) {
          const size = Math.min(...this.#buckets.map((bucket) => bucket.sliceSize));
          const slice = chunk.subarray(start, start + size);
          for (const bucket of this.#buckets) {
            if (bucket.bytesPerSecond > 0) await bucket.take(slice.length, signal);
          }
          controller.enqueue(slice);
          start += slice.length;
        }
        onDelay(false);
      },
    });
  }
}
