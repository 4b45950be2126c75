import type { Clock } from "../runtime/runtime.ts";

/**
 * Calls `onExpired` when something took too long. Arming it is an assignment, cheap enough for every read;
 * one timer runs behind it.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  readonly #stop = new AbortController();
  #deadlineMs = Infinity;
  #isRunning = false;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  arm(ms: number): void {
    this.#deadlineMs = this.#clock.monotonicMs() + ms;
    if (this.#isRunning || this.#stop.signal.aborted) return;
    this.#isRunning = true;
    this.#run().catch(() => {}); // only stop() ends it early
  }

  disarm(): void {
    this.#deadlineMs = Infinity;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    while (this.#deadlineMs < Infinity) {
      const leftMs = this.#deadlineMs - this.#clock.monotonicMs();
      if (leftMs <= 0) return this.#onExpired();
      await this.#clock.sleep(leftMs, this.#stop.signal);
    }
    this.#isRunning = false;
  }
}
