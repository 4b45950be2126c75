import type { Clock } from "../runtime/runtime.ts";

const WINDOW_MS = 5000;
const SAMPLE_MS = 100;

/** Counts the bytes of the file that are there, and how fast they come. */
export class ProgressMeter {
  readonly #clock: Clock;
  #downloaded = 0;
  #fetched = 0;
  /** Ascending in time; the first is the start of the window. */
  #samples: { readonly ms: number; readonly fetched: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of the file that are there. */
  get downloaded(): number {
    return this.#downloaded;
  }

  /** Bytes that came over the network. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Begins with `downloaded` bytes of an earlier run, or again with none. */
  restart(downloaded: number): void {
    this.#downloaded = downloaded;
  }

  add(bytes: number): void {
    this.#sample();
    this.#downloaded += bytes;
    this.#fetched += bytes;
  }

  /** Counts bytes that came and are there already. */
  addSkipped(bytes: number): void {
    this.#sample();
    this.#fetched += bytes;
  }

  /** Bytes a second over the last seconds. */
  get speed(): number {
    this.#sample();
    const first = this.#samples[0]!;
    const ms = this.#clock.monotonicMs() - first.ms;
    return ms === 0 ? 0 : (this.#fetched - first.fetched) / ms * 1000;
  }

  #sample(): void {
    const ms = this.#clock.monotonicMs();
    const last = this.#samples.at(-1);
    if (last !== undefined && ms - last.ms < SAMPLE_MS) return;
    this.#samples.push({ ms, fetched: this.#fetched });
    const firstInWindow = this.#samples.findIndex((sample) => sample.ms >= ms - WINDOW_MS);
    // The one before the window says how much had come when it began.
    if (firstInWindow > 1) this.#samples = this.#samples.slice(firstInWindow - 1);
  }
}
