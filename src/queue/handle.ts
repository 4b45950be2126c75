import { DownloadError } from "../errors.ts";
import { checkSpeed } from "../options/resolve_options.ts";
import type { Clock } from "../runtime/runtime.ts";
import type { TokenBucket } from "../flow/token_bucket.ts";
import type { SessionStatus } from "../session/context.ts";
import type { StopRequest } from "../session/session.ts";
import type { DownloadResult, DownloadState, PendingRetry, ProgressSnapshot } from "../types.ts";

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
  /** Calls `begin` when the download may run. The result gives up the turn, or the wait for it. */
  readonly takeTurn: (begin: () => void) => () => void;
  /** Does the work. Settles once every file is closed. */
  readonly run: (stop: StopRequest) => Promise<DownloadResult>;
  /** Removes what is there of the file, once `work` has settled. Never rejects. */
  readonly discard: (work: Promise<void>) => Promise<void>;
  /** Told once when all is over. */
  readonly onClosed: () => void;
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
  #stop: AbortController | undefined;
  #settled: AbortController | undefined;
  readonly #outcome = Promise.withResolvers<DownloadResult>();
  #onSignal: () => void = doNothing;
  #giveUpTurn: () => void = doNothing;
  /** The work, once it has begun, and what removes its leavings; never rejects. */
  #work: Promise<void> | undefined;
  #isDiscarded = false;
  #finalState: FinalState | undefined;
  #endedMs = 0;

  /** @ignore Handles come from {@linkcode Downloader.download}. */
  constructor(parts: HandleParts) {
    const { signal } = parts;
    this.#parts = parts;
    this.#outcome.promise.catch(() => {}); // a caller who dropped the handle does not want to know
    // Very many may wait for their turn, so most of what a running one needs is made when that comes.
    if (signal !== undefined) {
      this.#onSignal = () => this.#halt(signal.reason);
      signal.addEventListener("abort", this.#onSignal, { once: true });
    }
    if (signal?.aborted) queueMicrotask(this.#onSignal);
    else this.#giveUpTurn = parts.takeTurn(() => void this.#begin());
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
      retry: isFinal ? undefined : this.#pendingRetry,
    };
  }

  get #pendingRetry(): PendingRetry | undefined {
    const { status: { retry, connections }, clock } = this.#parts;
    return retry !== undefined && connections === 0 && retry.atMs > clock.wallMs() ? retry : undefined;
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
    return this.#outcome.promise;
  }

  /**
   * Stops and keeps all that has arrived; the same download begun again goes on from there. It has no effect
   * on a download that is over.
   */
  pause(): void {
    this.#halt(new DownloadError("paused", "The download was paused; begin it again to go on"));
  }

  /**
   * Stops for good. What has arrived stays on disk for a later run, unless `discard` is set.
   *
   * @param options `discard` also removes the part file and the control file, those of an earlier run of the same URL
   * and output included; this is done when `closed` fulfils. It works before the download runs and after it has
   * ended, and changes nothing about one that is completed
   */
  cancel(options: { readonly discard?: boolean } = {}): void {
    const isNew = options.discard === true && !this.#isDiscarded && this.#finalState !== "completed";
    if (isNew) this.#isDiscarded = true;
    this.#halt(new DownloadError("cancelled", "The download was cancelled"));
    if (isNew) this.#work = this.#parts.discard(this.#work ?? Promise.resolve());
  }

  /** Snapshots, one every 100 ms at most; the last one has a final state. It never throws. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot, void, void> {
    const settled = this.#settled ??= new AbortController();
    while (this.#finalState === undefined) {
      yield this.snapshot;
      await this.#parts.clock.sleep(SNAPSHOT_INTERVAL_MS, settled.signal).catch(() => {}); // it is over
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
    const work = () => this.#work;
    return this.#outcome.promise.then(work, work);
  }

  #halt(reason: unknown): void {
    if (this.#finalState !== undefined) return;
    if (this.#stop !== undefined) return this.#stop.abort(reason);
    this.#giveUpTurn();
    this.#fail(reason, true);
    this.#parts.onClosed();
  }

  async #begin(): Promise<void> {
    const stop = this.#stop = new AbortController();
    const settled = this.#settled ??= new AbortController();
    const work = this.#parts.run({ signal: stop.signal, isDiscarded: () => this.#isDiscarded });
    this.#work = work.then(doNothing, doNothing).then(() => this.#giveUpTurn());
    try {
      const result = await Promise.race([work, this.#stoppedForTooLong(stop.signal, settled.signal)]);
      this.#end("completed");
      this.#outcome.resolve(result);
    } catch (error) {
      this.#fail(error, stop.signal.aborted && error === stop.signal.reason);
    }
    await this.#work;
    this.#parts.onClosed();
  }

  /** A disk that hangs must not keep the caller waiting. */
  async #stoppedForTooLong(stop: AbortSignal, settled: AbortSignal): Promise<never> {
    const { promise, resolve } = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    await this.#parts.clock.sleep(STOP_GRACE_MS, settled).catch(() => {}); // it was in time
    throw stop.reason;
  }

  #fail(error: unknown, isStopped: boolean): void {
    const isPaused = error instanceof DownloadError && error.code === "paused";
    this.#end(!isStopped ? "failed" : isPaused ? "paused" : "cancelled");
    this.#outcome.reject(error);
  }

  #end(state: FinalState): void {
    this.#finalState = state;
    this.#endedMs = this.#parts.clock.monotonicMs();
    // An error made for each would cost more than all else here.
    this.#settled?.abort(null);
    this.#parts.signal?.removeEventListener("abort", this.#onSignal);
  }
}

function doNothing(): void {}
