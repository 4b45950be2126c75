import { setImmediate } from "node:timers";
import type { Clock } from "../../../src/runtime/runtime.ts";

interface Sleeper {
  readonly wakeMs: number;
  readonly wake: () => void;
}

/** Time that passes only when a test says so. It is for what does not reach the system: no sockets, no files. */
export class VirtualClock implements Clock {
  /** How often anybody began to sleep. */
  sleeps = 0;
  readonly #sleepers = new Set<Sleeper>();
  #nowMs = 0;
  #wallAtZeroMs: number;

  /** Time begins at 0 on the monotonic clock, and at `wallMs` on the wall. */
  constructor(wallMs: number = Date.UTC(2024, 0, 1)) {
    this.#wallAtZeroMs = wallMs;
  }

  /** How many wait for time to pass. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallAtZeroMs + this.#nowMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const leave = (): void => {
      this.#sleepers.delete(sleeper);
      signal?.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      leave();
      reject(signal?.reason);
    };
    const sleeper: Sleeper = {
      wakeMs: this.#nowMs + Math.max(ms, 0),
      wake: () => {
        leave();
        resolve();
      },
    };
    this.sleeps++;
    this.#sleepers.add(sleeper);
    signal?.addEventListener("abort", abort, { once: true });
    return promise;
  }

  /** Lets `ms` pass. Sleepers wake one by one in the order of their times, and what they set off runs before the next. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    while (this.wakeNext(endMs)) await settle();
    this.#nowMs = endMs;
  }

  /** Lets time pass until the next sleeper wakes; `false` when nobody wakes before `endMs` is over. */
  wakeNext(endMs = Infinity): boolean {
    const [first, ...others] = this.#sleepers;
    if (first === undefined) return false;
    const next = others.reduce((soonest, other) => other.wakeMs < soonest.wakeMs ? other : soonest, first);
    if (next.wakeMs > endMs) return false;
    this.#nowMs = Math.max(this.#nowMs, next.wakeMs);
    next.wake();
    return true;
  }

  /** Sets the wall clock back or forward, which the monotonic clock does not notice. */
  jumpWall(ms: number): void {
    this.#wallAtZeroMs += ms;
  }
}

/** Lets everything run that is not waiting for time or for the system. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
