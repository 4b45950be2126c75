import type { Clock } from "../runtime/runtime.ts";
import type { DownloadState, PendingRetry } from "../types.ts";
import { ProgressMeter } from "./progress_meter.ts";

/** The progress that a download shows while it runs. */
export interface ProgressView {
  readonly state: Extract<DownloadState, "pending" | "downloading" | "verifying">;
  /** The start on the monotonic clock; `undefined` while the download is queued. */
  readonly startedMs: number | undefined;
  readonly path: string | undefined;
  /** Bytes of the file that were received, those of an earlier run included. */
  readonly downloaded: number;
  /** Bytes received over the network in this run. */
  readonly fetched: number;
  /** Size of the file; `undefined` while it is not known. */
  readonly total: number | undefined;
  /** Bytes a second over the last few seconds. */
  readonly speed: number;
  readonly connections: number;
  /** The next retry, while no connection has an active request. */
  readonly retry: PendingRetry | undefined;
}

/** The part that the connections of a transfer report to. */
export type TransferProgress = Pick<
  Progress,
  "fetched" | "connected" | "received" | "skipped" | "proven" | "verifying" | "fetching"
>;

/** Records what happens to a download. Only this class changes the data that a snapshot shows. */
export class Progress implements ProgressView {
  readonly #clock: Clock;
  readonly #meter: ProgressMeter;
  readonly #retries = new Set<PendingRetry>();
  #state: ProgressView["state"] = "pending";
  #startedMs: number | undefined;
  #path: string | undefined;
  #total: number | undefined;
  #connections = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#meter = new ProgressMeter(clock);
  }

  get state(): ProgressView["state"] {
    return this.#state;
  }

  get startedMs(): number | undefined {
    return this.#startedMs;
  }

  get path(): string | undefined {
    return this.#path;
  }

  get downloaded(): number {
    return this.#meter.downloaded;
  }

  get fetched(): number {
    return this.#meter.fetched;
  }

  get total(): number | undefined {
    return this.#total;
  }

  get speed(): number {
    return this.#meter.speed;
  }

  get connections(): number {
    return this.#connections;
  }

  get retry(): PendingRetry | undefined {
    if (this.#connections > 0) return undefined;
    let next: PendingRetry | undefined;
    for (const retry of this.#retries) {
      if (next === undefined || retry.atMs < next.atMs) next = retry;
    }
    return next;
  }

  /** The download has left the queue. */
  started(): void {
    this.#startedMs = this.#clock.monotonicMs();
    this.#state = "downloading";
  }

  /** The file goes to `path`. */
  located(path: string): void {
    this.#path = path;
  }

  /** The download resumes with `bytes` of the `total` bytes. */
  resumedAt(bytes: number, total: number): void {
    this.#total = total;
    this.#meter.restart(bytes);
  }

  /** The download starts at byte 0 of `total`. */
  restarted(total: number | undefined): void {
    this.#total = total;
    this.#meter.restart(0);
  }

  /** All received bytes were removed. */
  discarded(): void {
    this.#meter.restart(0);
  }

  /** A connection receives a response, until the result is disposed. */
  connected(): Disposable {
    this.#connections++;
    return { [Symbol.dispose]: () => void this.#connections-- };
  }

  received(bytes: number): void {
    this.#meter.add(bytes);
  }

  /** Bytes were received that were on disk already. */
  skipped(bytes: number): void {
    this.#meter.addSkipped(bytes);
  }

  /** Bytes of an earlier run were checked and are right. */
  proven(bytes: number): void {
    this.#meter.addKept(bytes);
  }

  /** A request is sent again later. The result is disposed when it is sent, or when the retry is dropped. */
  retryingAt(retry: PendingRetry): Disposable {
    this.#retries.add(retry);
    return { [Symbol.dispose]: () => void this.#retries.delete(retry) };
  }

  /** The file is compared with its checksum, or what an earlier run left with its CRCs. */
  verifying(): void {
    this.#state = "verifying";
  }

  /** The comparison has ended, and the download continues. */
  fetching(): void {
    this.#state = "downloading";
  }
}
