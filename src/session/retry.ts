import { DownloadError, HttpStatusError } from "../errors.ts";
import type { RetryBudget } from "../flow/backoff.ts";
import type { SessionContext } from "./context.ts";

/** Counts a failure. The milliseconds to wait before the next try, `undefined` when none is of use. */
export function delayBeforeRetry(
  { log }: SessionContext,
  error: unknown,
  budget: RetryBudget,
): number | undefined {
  if (!(error instanceof DownloadError) || !error.retryable) return undefined;
  const retryAfterMs = error instanceof HttpStatusError ? error.retryAfterMs : undefined;
  const delayMs = budget.fail(retryAfterMs);
  if (delayMs === undefined) return undefined;
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
      const delayMs = delayBeforeRetry(context, error, budget);
      if (delayMs === undefined) throw error;
      await context.runtime.clock.sleep(delayMs, signal);
    }
  }
}
