import { HttpStatusError } from "../../errors.ts";
import { EXPIRED_STATUS } from "./source.ts";

/** Adds to the error of an expired URL that the progress is kept. Returns any other error as it is. */
export function noteKeptProgress(error: unknown): unknown {
  if (!(error instanceof HttpStatusError) || !EXPIRED_STATUS.has(error.status)) return error;
  const { status, message, reason, retryable, retryAfterMs, cause } = error;
  return new HttpStatusError(status, `${message}; the received data is kept for a later run`, {
    reason,
    retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(cause !== undefined && { cause }),
  });
}
