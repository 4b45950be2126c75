import { setImmediate } from "node:timers";
import type { Clock } from "../../../src/runtime/runtime.ts";

interface Sleeper {
  readonly wakeMs: number;
  readonly wake: () => void;
}

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  /** How often anybody began to sleep. */
  sleeps = 0;
  readonly #sleepers: Sleeper[] = [];
  #nowMs = 0;
  #wallMs: number;

  /** Time begins at 0 on the monotonic clock, and at `wallMs` on the wall. */
  constructor(wallMs: number = Date.UTC(2024, 0, 1)) {
    this.#wallMs = wallMs;
  }

  /** How many wait for time to pass. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const leave = (): void => {
      this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
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
    this.#sleepers.push(sleeper);
    signal?.addEventListener("abort", abort, { once: true });
    return promise;
  }

  /** Lets `ms` pass. Sleepers wake one by one in the order of their times, and what they set off runs before the next. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#first(endMs); next !== undefined; next = this.#first(endMs)) {
      this.#pass(next.wakeMs);
      next.wake();
      await settle();
    }
    this.#pass(endMs);
  }

  /** Sets the wall clock back or forward, which the monotonic clock does not notice. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #first(endMs: number): Sleeper | undefined {
    return this.#sleepers
      .filter(({ wakeMs }) => wakeMs <= endMs)
      .reduce<Sleeper | undefined>(
        (first, it) => first === undefined || it.wakeMs < first.wakeMs ? it : first,
        undefined,
      );
  }

  #pass(toMs: number): void {
    this.#wallMs += toMs - this.#nowMs;
    this.#nowMs = toMs;
  }
}

/** Lets everything run that is not waiting for time or for the system. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
