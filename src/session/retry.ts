import { DownloadError, HttpStatusError } from "../errors.ts";
import type { RetryBudget } from "../flow/backoff.ts";
import type { SessionContext } from "./context.ts";

/** Counts a failure. Returns the milliseconds to wait, or throws it when trying again is of no use. */
export function delayBeforeRetry({ log }: SessionContext, error: unknown, budget: RetryBudget): number {
  if (!(error instanceof DownloadError) || !error.retryable) throw error;
  const retryAfterMs = error instanceof HttpStatusError ? error.retryAfterMs : undefined;
  const delayMs = budget.fail(retryAfterMs);
  if (delayMs === undefined) throw error;
  log("info", `${error.message}; try ${budget.failures + 1} in ${(delayMs / 1000).toFixed(1)} s`);
  return delayMs;
}

/** Runs `attempt` until it succeeds, fails for good, or the budget is spent. */
export async function withRetries<T>(
  context: SessionContext,
  budget: RetryBudget,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      await context.runtime.clock.sleep(delayBeforeRetry(context, error, budget), signal);
    }
  }
}
