import { systemClock } from "../../../src/runtime/clock.ts";
import type { Clock } from "../../../src/runtime/runtime.ts";

/** How a fast clock runs. */
export interface FastClockOptions {
  /** How many milliseconds pass in one. */
  readonly factor: number;
  /**
   * What the wall shows all the time, so that dates come to an exact number of seconds.
   *
   * @default {the time of the system}
   */
  readonly wallMs?: number;
}

/**
 * The clock of the system, run faster, which remembers how long everybody wanted to sleep. It is for tests with real
 * sockets or files, which take real time; `VirtualClock` is for all others.
 */
export class FastClock implements Clock {
  /** How long everybody wanted to sleep, in the order in which they began. */
  readonly sleeps: number[] = [];
  readonly #factor: number;
  readonly #wallMs: number | undefined;

  constructor({ factor, wallMs }: FastClockOptions) {
    this.#factor = factor;
    this.#wallMs = wallMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() * this.#factor;
  }

  wallMs(): number {
    return this.#wallMs ?? systemClock.wallMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    return systemClock.sleep(ms / this.#factor, signal);
  }
}
