import { DownloadError, HttpStatusError } from "../../errors.ts";
import type { RetryBudget } from "../../flow/backoff.ts";
import { redact } from "../../redact.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { Logger } from "../../types.ts";
import type { Progress } from "../progress.ts";

/** By what a retry is timed, and where it is reported. */
export interface RetryTools {
  readonly clock: Clock;
  readonly log: Logger;
  readonly progress: Pick<Progress, "retryingAt">;
}

/** A request that is sent again after `delayMs`. It is shown as waited for until it is disposed. */
export interface Retry extends Disposable {
  readonly delayMs: number;
}

/** Counts a failure, and reports the retry, which comes after `afterMs` at least; `undefined` when the budget is spent. */
export function countFailure(
  error: DownloadError,
  budget: RetryBudget,
  { clock, log, progress }: RetryTools,
  afterMs = 0,
): Retry | undefined {
  const retryAfterMs = Math.max(afterMs, error instanceof HttpStatusError ? error.retryAfterMs ?? 0 : 0);
  const delayMs = budget.fail(retryAfterMs);
  if (delayMs === undefined) return undefined;
  const attempt = budget.failures + 1;
  log("info", `${error.message}; try ${attempt} in ${(delayMs / 1000).toFixed(1)} s`);
  const reason = redact(error.reason);
  const pending = progress.retryingAt({ atMs: clock.wallMs() + delayMs, attempt, reason });
  return { delayMs, [Symbol.dispose]: () => pending[Symbol.dispose]() };
}

/** Runs `attempt` until it succeeds, fails for good, or the budget is spent. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  budget: RetryBudget,
  tools: RetryTools,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DownloadError) || !error.retryable) throw error;
      using retry = countFailure(error, budget, tools);
      if (retry === undefined) throw error;
      await tools.clock.sleep(retry.delayMs, signal);
    }
  }
}

/** A body that ended at `position`. */
export function endedEarly(position: number, end: number): DownloadError {
  const reason = `a response ended at byte ${position}, before byte ${end}`;
  return new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason, retryable: true });
}
