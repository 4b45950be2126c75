import { DownloadError } from "../errors.ts";
import { onAbort } from "../lib/on_abort.ts";
import { OVER } from "../lib/waiting.ts";
import { checkSpeed } from "../options/resolve_options.ts";
import type { Clock } from "../runtime/runtime.ts";
import type { TokenBucket } from "../flow/token_bucket.ts";
import { type FinalState, NOTHING_OPEN, type Phase, stoppedState, WAITING } from "./phase.ts";
import type { ProgressView } from "../session/progress.ts";
import type { StopRequest } from "../session/session.ts";
import type { DownloadResult, ProgressSnapshot } from "../types.ts";

/** Milliseconds between two snapshots of one iteration. */
const SNAPSHOT_INTERVAL_MS = 100;
/** How long a stopped download may take to save its progress. After that its handle settles without waiting for it. */
const STOP_GRACE_MS = 100;

/** What a handle needs. */
export interface HandleParts {
  readonly clock: Clock;
  readonly progress: ProgressView;
  readonly bucket: TokenBucket;
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  /**
   * Calls `begin` when the download may run. The returned function removes the download from the queue, waiting or
   * running.
   */
  readonly enqueue: (begin: () => void) => () => void;
  /** Runs the download. Settles when every file is closed. */
  readonly run: (stop: StopRequest) => Promise<DownloadResult>;
  /** Removes the unfinished file after `work` has settled. Never rejects. */
  readonly discard: (work: Promise<void>) => Promise<void>;
  /** Called once, when the download has settled and its files are closed. */
  readonly onClosed: () => void;
}

/**
 * One download. It runs whether or not its handle is used.
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
  readonly #outcome = Promise.withResolvers<DownloadResult>();
  readonly #leaveQueue: () => void;
  #phase: Phase = WAITING;

  /** @ignore Handles come from {@linkcode Downloader.download}. */
  constructor(parts: HandleParts) {
    const { signal } = parts;
    this.#parts = parts;
    // Without this, a rejection that no caller awaits would end the program.
    this.#outcome.promise.catch(doNothing);
    if (signal?.aborted) {
      this.#leaveQueue = doNothing;
      // The caller must get the handle first.
      queueMicrotask(() => this.#halt(signal.reason));
      return;
    }
    if (signal !== undefined) {
      const listening = onAbort(signal, () => this.#halt(signal.reason));
      const stopListening = () => listening[Symbol.dispose]();
      this.#outcome.promise.then(stopListening, stopListening);
    }
    this.#leaveQueue = parts.enqueue(() => this.#begin());
  }

  /** The current progress of the download. */
  get snapshot(): ProgressSnapshot {
    if (this.#phase.kind === "settled") return this.#phase.snapshot;
    const { progress, clock } = this.#parts;
    const { state, path, downloaded, total, startedMs, speed, connections, retry } = progress;
    const left = total === undefined ? undefined : total - downloaded;
    return {
      ...{ state, path, downloaded, total, speed, connections, retry },
      etaSeconds: left === undefined || speed === 0 ? undefined : left / speed,
      elapsedMs: startedMs === undefined ? 0 : clock.monotonicMs() - startedMs,
    };
  }

  /** Most bytes per second of this download; 0 sets no limit. The value may be changed at any time. */
  get maxDownloadSpeed(): number {
    return this.#parts.bucket.bytesPerSecond;
  }

  /** Throws a `RangeError` or `TypeError` for a value that is not a speed. */
  set maxDownloadSpeed(bytesPerSecond: number) {
    this.#parts.bucket.bytesPerSecond = checkSpeed(bytesPerSecond);
  }

  /**
   * Waits until the download ends. Rejects with a `DownloadError` whose `code` says why the download did not
   * complete; `paused` and `cancelled` are two of these codes. Rejects with the reason of the spec's `signal` when
   * the signal was aborted, and with a `TypeError` when `outputPath` is a directory.
   */
  wait(): Promise<DownloadResult> {
    return this.#outcome.promise;
  }

  /**
   * Stops the download and keeps all received data. The same download resumes from this data when it is started
   * again. Has no effect on a download that has ended.
   */
  pause(): void {
    this.#halt(new DownloadError("paused", "The download was paused; start it again to resume"));
  }

  /**
   * Cancels the download. Received data stays on disk for a later run, unless `discard` is set.
   *
   * @param options `discard` also removes the part file and the control file, including those of an earlier run of
   * the same URL and output. The files are removed when `closed` fulfils. `discard` works before the download runs
   * and after it has ended. It has no effect on a completed download
   */
  cancel(options: { readonly discard?: boolean } = {}): void {
    this.#halt(new DownloadError("cancelled", "The download was cancelled"));
    if (options.discard === true) this.#discard();
  }

  /** Yields snapshots, at most one every 100 ms. The last one has a final state. The iteration never throws. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot, void, void> {
    const settled = new AbortController();
    const wake = () => settled.abort(OVER);
    this.#outcome.promise.then(wake, wake);
    while (this.#phase.kind !== "settled") {
      yield this.snapshot;
      await this.#parts.clock.sleep(SNAPSHOT_INTERVAL_MS, settled.signal).catch(doNothing); // it has settled
    }
    yield this.snapshot;
  }

  /** Cancels the download if it has not ended, keeps all received data, and waits until every file is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    await this.closed;
  }

  /** Fulfils when the download has ended and all its files are saved and closed. Never rejects. */
  get closed(): Promise<void> {
    const closed = () => this.#closed;
    return this.#outcome.promise.then(closed, closed);
  }

  get #closed(): Promise<void> {
    return this.#phase.kind === "waiting" ? NOTHING_OPEN : this.#phase.closed;
  }

  #begin(): void {
    const stop = new AbortController();
    const isDiscarded = () => "isDiscarded" in this.#phase && this.#phase.isDiscarded;
    const work = this.#parts.run({ signal: stop.signal, isDiscarded }).finally(() => this.#leaveQueue());
    const closed = work.then((result) => this.#complete(result), (error) => this.#fail(error));
    this.#phase = { kind: "running", stop, closed };
    closed.then(() => this.#closed).then(this.#parts.onClosed);
  }

  #halt(reason: unknown): void {
    const phase = this.#phase;
    if (phase.kind === "waiting") {
      this.#leaveQueue();
      this.#settle(stoppedState(reason));
      this.#outcome.reject(reason);
      this.#parts.onClosed();
    } else if (phase.kind === "running") {
      const grace = new AbortController();
      this.#phase = { kind: "stopping", reason, grace, isDiscarded: false, closed: phase.closed };
      // A disk that hangs must not block the caller.
      this.#parts.clock.sleep(STOP_GRACE_MS, grace.signal).then(() => this.#fail(reason), doNothing);
      phase.stop.abort(reason);
    }
  }

  #discard(): void {
    const phase = this.#phase;
    if (phase.kind !== "stopping" && phase.kind !== "settled") return;
    if (phase.isDiscarded || (phase.kind === "settled" && phase.state === "completed")) return;
    this.#phase = { ...phase, isDiscarded: true, closed: this.#parts.discard(phase.closed) };
  }

  #complete(result: DownloadResult): void {
    if (this.#phase.kind === "settled") return;
    this.#settle("completed");
    this.#outcome.resolve(result);
  }

  #fail(error: unknown): void {
    const phase = this.#phase;
    if (phase.kind === "settled") return;
    // The error of a paused download may also say why nothing could be kept.
    const isStopped = phase.kind === "stopping" &&
      (error === phase.reason || stoppedState(error) === "paused");
    this.#settle(isStopped ? stoppedState(error) : "failed");
    this.#outcome.reject(error);
  }

  #settle(state: FinalState): void {
    const phase = this.#phase;
    if (phase.kind === "stopping") phase.grace.abort(OVER);
    const over = { speed: 0, etaSeconds: undefined, connections: 0, retry: undefined };
    this.#phase = {
      ...{ kind: "settled", state, snapshot: { ...this.snapshot, ...over, state } },
      ...{ isDiscarded: phase.kind === "stopping" && phase.isDiscarded, closed: this.#closed },
    };
  }
}

function doNothing(): void {}
