import { HttpStatusError } from "../../errors.ts";
import { EXPIRED_STATUS } from "./source.ts";

/** An error about a URL that works no longer, which says that nothing is lost; any other error as it is. */
export function sayKept(error: unknown): unknown {
  if (!(error instanceof HttpStatusError) || !EXPIRED_STATUS.has(error.status)) return error;
  const { status, message, reason, retryable, retryAfterMs, cause } = error;
  return new HttpStatusError(status, `${message}; what has arrived is kept for a later run`, {
    reason,
    retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(cause !== undefined && { cause }),
  });
}
