import type { PendingRetry } from "../../types.ts";

/** The note about a pending retry; `undefined` once the retry is due. `nowMs` counts as `Date.now()` does. */
export function renderRetryNote({ atMs, reason }: PendingRetry, nowMs: number): string | undefined {
  return atMs > nowMs ? `retry in ${Math.ceil((atMs - nowMs) / 1000)} s: ${reason}` : undefined;
}
