import { detectRuntime } from "../../../src/runtime/detect.ts";
import type { Clock } from "../../../src/runtime/runtime.ts";

/** A clock on which time passes faster, and which remembers how long somebody wanted to sleep. */
export class TimeLapse implements Clock {
  /** What the wall shows; it stands still, so that dates come to an exact number of seconds. */
  readonly startMs: number = Date.UTC(2024, 0, 1);
  readonly #real = detectRuntime().clock;
  readonly #factor: number;
  readonly #sleeps: number[] = [];

  /** `factor` milliseconds pass in one. */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /** How long everybody wanted to sleep, in the order in which they began. */
  get sleeps(): readonly number[] {
    return this.#sleeps;
  }

  readonly monotonicMs = (): number => this.#real.monotonicMs() * this.#factor;

  readonly wallMs = (): number => this.startMs;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    this.#sleeps.push(ms);
    return this.#real.sleep(ms / this.#factor, signal);
  };
}
