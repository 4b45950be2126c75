import { DownloadError } from "./errors.ts";
import { checkSpeed } from "./resolve_options.ts";
import type { Clock } from "./runtime/runtime.ts";
import type { TokenBucket } from "./flow/token_bucket.ts";
import type { SessionStatus } from "./session/context.ts";
import type { StopRequest } from "./session/session.ts";
import type { DownloadResult, DownloadState, ProgressSnapshot } from "./types.ts";

/** Between two snapshots of one iteration. */
const SNAPSHOT_INTERVAL_MS = 100;
/** How long a stopped download may take to save its progress before its handle settles without it. */
const STOP_GRACE_MS = 100;

/** What a handle watches over. */
export interface HandleParts {
  readonly clock: Clock;
  readonly status: SessionStatus;
  readonly bucket: TokenBucket;
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  /** Does the work. Settles once every file is closed. */
  readonly run: (stop: StopRequest) => Promise<DownloadResult>;
}

type FinalState = Extract<DownloadState, "completed" | "failed" | "cancelled" | "paused">;

/**
 * One download under way. It goes on whether or not anybody looks at the handle.
 *
 * @example Watching, and pausing after the first megabyte
 * ```ts
 * import { Downloader } from "@bytehaul/bytehaul";
 *
 * async function firstMegabyte(url: string): Promise<void> {
 *   await using downloader = new Downloader();
 *   const handle = downloader.download({ url, outputDir: "downloads" });
 *   for await (const { state, downloaded, total, speed } of handle) {
 *     console.log(state, downloaded, total, speed);
 *     if (downloaded > 1_000_000) handle.pause();
 *   }
 * }
 * ```
 */
export class DownloadHandle implements AsyncIterable<ProgressSnapshot>, AsyncDisposable {
  readonly #parts: HandleParts;
  readonly #stop = new AbortController();
  readonly #settled = new AbortController();
  readonly #outcome: Promise<DownloadResult>;
  readonly #closed: Promise<void>;
  #isDiscarded = false;
  #finalState: FinalState | undefined;
  #endedMs = 0;

  /** @ignore Handles come from {@linkcode Downloader.download}. */
  constructor(parts: HandleParts) {
    const { signal, run } = parts;
    this.#parts = parts;
    const abort = () => this.#stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    const work = run({ signal: this.#stop.signal, isDiscarded: () => this.#isDiscarded });
    this.#closed = work.then(() => {}, () => {});
    this.#outcome = Promise.race([work, this.#stoppedForTooLong()])
      .then((result) => this.#settle("completed", result), (error) => this.#settleAs(error))
      .finally(() => signal?.removeEventListener("abort", abort));
    this.#outcome.catch(() => {}); // a caller who dropped the handle does not want to know
  }

  /** How it stands now. */
  get snapshot(): ProgressSnapshot {
    const { status, clock } = this.#parts;
    const { meter, path, total, startedMs } = status;
    const isFinal = this.#finalState !== undefined;
    const nowMs = isFinal ? this.#endedMs : clock.monotonicMs();
    const speed = isFinal ? 0 : meter.speed;
    const left = total === undefined ? undefined : total - meter.downloaded;
    return {
      state: this.#finalState ?? status.state,
      path,
      downloaded: meter.downloaded,
      total,
      speed,
      etaSeconds: left === undefined || speed === 0 ? undefined : left / speed,
      connections: isFinal ? 0 : status.connections,
      elapsedMs: startedMs === undefined ? 0 : nowMs - startedMs,
    };
  }

  /** Bytes a second that this download may use; 0 is no limit. It may be changed at any time. */
  get maxDownloadSpeed(): number {
    return this.#parts.bucket.bytesPerSecond;
  }

  /** Throws a `RangeError` or `TypeError` for what is no speed. */
  set maxDownloadSpeed(bytesPerSecond: number) {
    this.#parts.bucket.bytesPerSecond = checkSpeed(bytesPerSecond);
  }

  /**
   * Waits for the end. Rejects with a `DownloadError` whose `code` says why there is no file (`paused` and
   * `cancelled` included), with the reason of the spec's signal when that was aborted, and with a `TypeError`
   * when `outputPath` is a directory.
   */
  wait(): Promise<DownloadResult> {
    return this.#outcome;
  }

  /**
   * Stops and keeps all that has arrived; the same download begun again goes on from there. It has no effect
   * on a download that is over.
   */
  pause(): void {
    this.#stop.abort(new DownloadError("paused", "The download was paused; begin it again to go on"));
  }

  /**
   * Stops for good. What has arrived stays on disk for a later run, unless `discard` is set.
   *
   * @param options `discard` also removes the part file and the control file
   */
  cancel(options: { readonly discard?: boolean } = {}): void {
    if (this.#stop.signal.aborted) return;
    this.#isDiscarded = options.discard ?? false;
    this.#stop.abort(new DownloadError("cancelled", "The download was cancelled"));
  }

  /** Snapshots, one every 100 ms at most; the last one has a final state. It never throws. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot, void, void> {
    while (this.#finalState === undefined) {
      yield this.snapshot;
      await this.#parts.clock.sleep(SNAPSHOT_INTERVAL_MS, this.#settled.signal).catch(() => {}); // it is over
    }
    yield this.snapshot;
  }

  /** Cancels it if it is not over, keeps what has arrived, and waits until every file is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    await this.closed;
  }

  /** Fulfils when the download is over and every file it had open is saved and closed. Never rejects. */
  get closed(): Promise<void> {
    return Promise.all([this.#closed, this.#outcome.catch(() => {})]).then(() => {});
  }

  /** A disk that hangs must not keep the caller waiting. */
  async #stoppedForTooLong(): Promise<never> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stop.signal.addEventListener("abort", () => resolve(), { once: true });
    if (this.#stop.signal.aborted) resolve();
    await promise;
    await this.#parts.clock.sleep(STOP_GRACE_MS, this.#settled.signal).catch(() => {}); // it was in time
    throw this.#stop.signal.reason;
  }

  #settle(state: FinalState, result: DownloadResult): DownloadResult {
    this.#end(state);
    return result;
  }

  #settleAs(error: unknown): never {
    if (this.#stop.signal.aborted && error === this.#stop.signal.reason) {
      this.#end(error instanceof DownloadError && error.code === "paused" ? "paused" : "cancelled");
    } else {
      this.#end("failed");
    }
    throw error;
  }

  #end(state: FinalState): void {
    this.#finalState = state;
    this.#endedMs = this.#parts.clock.monotonicMs();
    this.#settled.abort();
  }
}
