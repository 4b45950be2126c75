import type { Clock } from "../runtime/runtime.ts";
import { OVER } from "../lib/waiting.ts";

/**
 * Calls `onExpired` when its time is over. To arm it again for the same time is only an assignment, cheap
 * enough for every read. It uses one timer.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #deadlineMs = Infinity;
  #timer: AbortController | undefined;
  /** When the timer fires. This may be before the deadline, but never after it. */
  #timerMs = Infinity;
  #isStopped = false;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  arm(ms: number): void {
    if (this.#isStopped) return;
    this.#deadlineMs = this.#clock.monotonicMs() + ms;
    if (this.#deadlineMs < this.#timerMs) this.#startTimer();
  }

  disarm(): void {
    this.#deadlineMs = Infinity;
  }

  stop(): void {
    this.#isStopped = true;
    this.disarm();
    this.#timer?.abort(OVER);
  }

  #startTimer(): void {
    this.#timer?.abort(OVER);
    const timer = new AbortController();
    this.#timer = timer;
    this.#timerMs = this.#deadlineMs;
    const leftMs = Math.max(0, this.#deadlineMs - this.#clock.monotonicMs());
    this.#clock.sleep(leftMs, timer.signal).then(() => this.#wake(), () => {}); // replaced or stopped
  }

  #wake(): void {
    this.#timerMs = Infinity;
    if (this.#deadlineMs === Infinity) return;
    if (this.#deadlineMs > this.#clock.monotonicMs()) return this.#startTimer();
    this.#onExpired();
  }
}
