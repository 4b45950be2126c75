import type { Clock } from "../runtime/runtime.ts";
import { onAbort } from "./on_abort.ts";

/** The abort reason of work that is over. It is never reported; an error would cost a stack trace each time. */
export const OVER = "it is over";

/** Work took longer than it may. */
export class TimeExpiredError extends Error {
  override readonly name = "TimeExpiredError";
}

/** Waits for `work`. Rejects with the signal's reason when the signal is aborted first. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  using _stopping = onAbort(signal, () => reject(signal.reason));
  return await Promise.race([work, aborted]);
}

/**
 * Runs `work` for at most `ms` milliseconds. After that it aborts `work` and rejects with a {@linkcode
 * TimeExpiredError}.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  clock.sleep(ms, over.signal).then(() => over.abort(new TimeExpiredError()), () => {}); // done in time
  const limited = AbortSignal.any([signal, over.signal]);
  try {
    return await unlessAborted(work(limited), limited);
  } finally {
    over.abort(OVER);
  }
}
