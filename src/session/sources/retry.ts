import { DownloadError, HttpStatusError } from "../../errors.ts";
import type { RetryBudget } from "../../flow/backoff.ts";
import { redact } from "../../redact.ts";
import type { SessionContext } from "../context.ts";

/** Counts a failure. The milliseconds to wait, at least `afterMs`; `undefined` when the budget is spent. */
export function countFailure(
  { log, status, runtime: { clock } }: SessionContext,
  error: DownloadError,
  budget: RetryBudget,
  afterMs = 0,
): number | undefined {
  const retryAfterMs = Math.max(afterMs, error instanceof HttpStatusError ? error.retryAfterMs ?? 0 : 0);
  const delayMs = budget.fail(retryAfterMs);
  if (delayMs === undefined) return undefined;
  const attempt = budget.failures + 1;
  status.retry = { atMs: clock.wallMs() + delayMs, attempt, reason: redact(error.reason) };
  log("info", `${error.message}; try ${attempt} in ${(delayMs / 1000).toFixed(1)} s`);
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
      if (!(error instanceof DownloadError) || !error.retryable) throw error;
      const delayMs = countFailure(context, error, budget);
      if (delayMs === undefined) throw error;
      await context.runtime.clock.sleep(delayMs, signal);
    }
  }
}

/** A body that ended at `position`. */
export function endedEarly(position: number, end: number): DownloadError {
  const reason = `a response ended at byte ${position}, before byte ${end}`;
  return new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason, retryable: true });
}
