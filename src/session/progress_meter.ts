import type { Clock } from "../runtime/runtime.ts";

const WINDOW_MS = 5000;
const SAMPLE_MS = 100;

/** Counts the received bytes of the file and measures their rate. */
export class ProgressMeter {
  readonly #clock: Clock;
  #downloaded = 0;
  #fetched = 0;
  /** Ascending in time; the first is the start of the window. */
  #samples: { readonly ms: number; readonly fetched: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of the file that were received, those of an earlier run included. */
  get downloaded(): number {
    return this.#downloaded;
  }

  /** Bytes received over the network in this run. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Starts with `downloaded` bytes of an earlier run, or restarts with 0. */
  restart(downloaded: number): void {
    this.#downloaded = downloaded;
  }

  add(bytes: number): void {
    this.#sample();
    this.#downloaded += bytes;
    this.#fetched += bytes;
  }

  /** Counts bytes that an earlier run received. */
  addKept(bytes: number): void {
    this.#downloaded += bytes;
  }

  /** Counts bytes that were received and were on disk already. */
  addSkipped(bytes: number): void {
    this.#sample();
    this.#fetched += bytes;
  }

  /** Bytes a second over the last few seconds. */
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
    // The sample before the window shows how many bytes were received when the window started.
    if (firstInWindow > 1) this.#samples = this.#samples.slice(firstInWindow - 1);
  }
}
