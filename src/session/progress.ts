import type { Clock } from "../runtime/runtime.ts";
import type { DownloadState, PendingRetry } from "../types.ts";
import { ProgressMeter } from "./progress_meter.ts";

/** What a download shows of itself while it runs. */
export interface ProgressView {
  readonly state: Extract<DownloadState, "pending" | "downloading" | "verifying">;
  /** On the monotonic clock; `undefined` while the download waits for its turn. */
  readonly startedMs: number | undefined;
  readonly path: string | undefined;
  /** Bytes of the file that are there. */
  readonly downloaded: number;
  /** Bytes that came over the network. */
  readonly fetched: number;
  /** Size of the file; `undefined` while or where it is unknown. */
  readonly total: number | undefined;
  /** Bytes a second over the last seconds. */
  readonly speed: number;
  readonly connections: number;
  /** The next request that is sent again, while no connection has one under way. */
  readonly retry: PendingRetry | undefined;
}

/** What the connections of a transfer report. */
export type TransferProgress = Pick<Progress, "fetched" | "connected" | "received" | "skipped">;

/** Takes note of what happens to a download. Nothing else writes what a snapshot shows. */
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

  /** An earlier run left `bytes` of the `total` bytes. */
  resumedAt(bytes: number, total: number): void {
    this.#total = total;
    this.#meter.restart(bytes);
  }

  /** The download starts at byte 0 of `total`. */
  restarted(total: number | undefined): void {
    this.#total = total;
    this.#meter.restart(0);
  }

  /** What had arrived is gone. */
  discarded(): void {
    this.#meter.restart(0);
  }

  /** A connection receives a response. Disposing the result ends that. */
  connected(): Disposable {
    this.#connections++;
    return { [Symbol.dispose]: () => void this.#connections-- };
  }

  received(bytes: number): void {
    this.#meter.add(bytes);
  }

  /** Bytes came that are there already. */
  skipped(bytes: number): void {
    this.#meter.addSkipped(bytes);
  }

  /** A request is sent again later. The result is disposed when that happens, or when nobody waits for it any more. */
  retryingAt(retry: PendingRetry): Disposable {
    this.#retries.add(retry);
    return { [Symbol.dispose]: () => void this.#retries.delete(retry) };
  }

  /** A file is compared with its checksum. */
  verifying(): void {
    this.#state = "verifying";
  }

  /** The comparison is over, and the download is not. */
  fetching(): void {
    this.#state = "downloading";
  }
}
