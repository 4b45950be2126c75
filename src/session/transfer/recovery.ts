import { DownloadError } from "../../errors.ts";
import { RetryBudget, type RetryPolicy } from "../../flow/backoff.ts";
import type { Lease } from "../../plan/scheduler.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { ByteRange, Logger } from "../../types.ts";
import type { Retry } from "../sources/retry.ts";
import type { Source } from "../sources/source.ts";
import { type AfterFailure, afterFailure, type FinalStep, GRACE_MS, isOverload } from "./after_failure.ts";
import type { LeaseDesk } from "./lease_desk.ts";
import type { TransferProgress } from "../progress.ts";
import type { ServerLoad } from "./server_load.ts";
import type { VersionCheck } from "./version_check.ts";

/** Counts a failure, and reports its retry; `undefined` where none is left. */
export type CountFailure = (error: DownloadError, budget: RetryBudget, leastMs: number) => Retry | undefined;

/** What a {@linkcode Recovery} works with. */
export interface RecoveryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly load: ServerLoad;
  readonly desk: Pick<LeaseDesk, "done">;
  readonly source: Pick<Source, "closeIdle">;
  readonly check: VersionCheck;
  readonly progress: Pick<TransferProgress, "fetched">;
  readonly retryPolicy: RetryPolicy;
  readonly countFailure: CountFailure;
  readonly minSegmentSize: number;
  /** Whether this connection returns after a refusal. */
  readonly isReturning: boolean;
  /** Aborted when the transfer ends early. */
  readonly signal: AbortSignal;
}

/** Does what follows the failures of one connection. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #budget: RetryBudget;
  #isReturning: boolean;
  /** How many requests in a row brought no bytes while others were served. */
  #refusals = 0;
  /** How many retirements there had been at the latest failure. */
  #retirementsAtFailure: number;
  /** What had been fetched when a refusal was last counted. */
  #fetchedAtRefusal = 0;
  /**
   * The highest offset that was received. If every retry starts at byte 0, only bytes beyond this offset are
   * progress.
   */
  #furthest = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#isReturning = options.isReturning;
    this.#retirementsAtFailure = options.load.retirements;
    this.#budget = new RetryBudget(options.retryPolicy, options.clock);
  }

  /** Notes the offset up to which bytes have arrived. */
  noteReceived(position: number): void {
    const { load, check } = this.#options;
    const isKept = load.usesRanges || check.isProvable;
    if (!isKept && position <= this.#furthest) return;
    this.#furthest = position;
    this.#isReturning = false;
    this.#budget.progress();
  }

  /** Notes the bytes that a range request brought, once it has ended. */
  noteRequestEnd({ start, position }: Lease): void {
    const { load, progress: { fetched } } = this.#options;
    if (position > start) {
      this.#refusals = 0;
      if (start > 0) load.noteServedMiddle();
    } else if (fetched > this.#fetchedAtRefusal) {
      this.#refusals++;
      this.#fetchedAtRefusal = fetched;
    }
  }

  /**
   * Does what follows the failure of a request for `range`, `undefined` for the complete file. Returns whether the
   * connection continues: `false` when it is retired. Throws `error` when that ends the download.
   */
  async recover(error: unknown, range: ByteRange | undefined): Promise<boolean> {
    const { load, source, countFailure } = this.#options;
    if (isOverload(error)) load.noteOverload(error, this.#isReturning);
    const next = this.#decide(error, range);
    this.#retirementsAtFailure = load.retirements;
    if (next.kind !== "retry") return await this.#finish(next, error);
    using retry = error instanceof DownloadError
      ? countFailure(error, this.#budget, next.afterMs)
      : undefined;
    if (retry === undefined) return await this.#finish(next.whenSpent, error);
    if (next.afterMs > 0) source.closeIdle();
    await this.#backOff(retry.delayMs);
    return true;
  }

  #decide(error: unknown, range: ByteRange | undefined): AfterFailure {
    const { load, check, minSegmentSize } = this.#options;
    return afterFailure(error, {
      isExtra: load.hasOthers,
      isTooMany: load.hasTooMany,
      isReturning: this.#isReturning,
      wereOthersRefused: load.wereOthersRefused,
      wereOthersOpen: load.retirements > this.#retirementsAtFailure,
      refusals: this.#refusals,
      failures: this.#budget.failures,
      requestedBytes: range && check.bytesOf(range),
      servedBytes: load.servedBytes,
      leastBytes: minSegmentSize,
      // A range that starts at byte 0 shows nothing about other ranges.
      hasServedMiddle: load.hasServedMiddle || range?.start === 0,
    });
  }

  async #finish(step: FinalStep, error: unknown): Promise<boolean> {
    const { load, log, source, retryPolicy } = this.#options;
    switch (step.kind) {
      case "shorten":
        load.shorten(step.bytes);
        return true;
      case "complete file":
        load.requestWholeFile();
        log("info", `${messageOf(error)}; requesting the complete file`);
        return true;
      case "try alone":
        log("info", `${messageOf(error)}; trying once more with no other connection open`);
        source.closeIdle();
        await this.#backOff(Math.min(GRACE_MS, retryPolicy.retryMaxDelayMs));
        return true;
      case "retire":
        load.retire(step.mayReturn);
        log("info", `${messageOf(error)}; the other connections fetch the rest`);
        return false;
      case "fatal":
        throw error;
    }
  }

  /** Waits before a retry, but only as long as bytes are missing. */
  async #backOff(delayMs: number): Promise<void> {
    const { clock, signal, desk: { done } } = this.#options;
    await clock.sleep(delayMs, AbortSignal.any([signal, done])).catch((reason) => {
      signal.throwIfAborted();
      if (!done.aborted) throw reason;
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
