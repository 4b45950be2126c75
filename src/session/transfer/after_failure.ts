import { DownloadError, HttpStatusError, RemoteChangedError } from "../../errors.ts";
import { ContradictionError, UnusableResponseError } from "../../http/unusable_response.ts";

/** What is known when a request of one connection has failed. */
export interface FailureState {
  /** Whether there are other connections, so that this one is not needed. */
  readonly isExtra: boolean;
  /** Whether there are more connections than the server serves. */
  readonly isTooMany: boolean;
  /** Whether this connection returned after a refusal and has received nothing since. */
  readonly isReturning: boolean;
  /** Whether extra connections were refused for good, after which a server may refuse the last one for a moment. */
  readonly wereOthersRefused: boolean;
  /** Whether others were open during the failed request, and may have been the reason for its failure. */
  readonly wereOthersOpen: boolean;
  /** How many requests of this connection in a row brought nothing while others were served. */
  readonly refusals: number;
  /** How many failures of this connection in a row were retried. */
  readonly failures: number;
  /** How many bytes were requested, `undefined` for the complete file. */
  readonly requestedBytes: number | undefined;
  /** The longest range that the server has sent so far. */
  readonly servedBytes: number;
  /** The shortest range that is worth a request. */
  readonly leastBytes: number;
  /** Whether the server has sent something from the middle of the file. */
  readonly hasServedMiddle: boolean;
}

/** What follows a failure. */
export type AfterFailure =
  /** Retry after a delay of at least `afterMs`. Do `whenSpent` if the retries are used up. */
  | { readonly kind: "retry"; readonly afterMs: number; readonly whenSpent: FinalStep }
  | FinalStep;

/** What follows a failure where the same request is not sent again. */
export type FinalStep =
  /** Request at most so many bytes from now on, immediately. */
  | { readonly kind: "shorten"; readonly bytes: number }
  /** Close this connection; the other connections fetch the missing bytes. It may return after a temporary refusal. */
  | { readonly kind: "retire"; readonly mayReturn: boolean }
  /** Request the complete file and deliver the missing bytes of it. */
  | { readonly kind: "complete file" }
  /** Send the request once more, now that no other connection is open. */
  | { readonly kind: "try alone" }
  /** Fail the download. */
  | { readonly kind: "fatal" };

/** How many refusals in a row retire a connection. A single request may fail by chance. */
const REFUSALS = 2;
/**
 * Retries of the last connection after a permanent refusal, if other connections were refused before, and their
 * least delay.
 */
export const GRACE = 2;
export const GRACE_MS = 2000;
/** How a server may refuse a range that is too long for it. */
const TOO_LONG_STATUS = new Set([400, 403, 413, 416]);
/** Missing credentials, an expired URL and a legal ban have nothing to do with ranges. */
export const FINAL_STATUS = new Set([401, 407, 410, 451]);

const RETIRE_FOR_NOW = { kind: "retire", mayReturn: true } as const;
const FATAL = { kind: "fatal" } as const;
const TRY_ALONE = { kind: "try alone" } as const;

/**
 * Decides what follows a failed request. A refusal of one connection is not a failure while another connection is
 * served.
 */
export function afterFailure(error: unknown, state: FailureState): AfterFailure {
  if (state.isExtra && (state.isTooMany || (state.isReturning && isOverload(error)))) return RETIRE_FOR_NOW;
  if (!(error instanceof DownloadError) || error instanceof RemoteChangedError) return FATAL;
  if (error instanceof ContradictionError) return FATAL;
  const shorter = shorterRange(error, state);
  if (shorter !== undefined) return { kind: "shorten", bytes: shorter };
  return state.isExtra ? afterExtra(error, state) : afterLast(error, state);
}

/** Whether a server is overloaded, so that it should get fewer connections for some time. */
export function isOverload(error: unknown): error is HttpStatusError {
  if (!(error instanceof HttpStatusError) || !error.retryable) return false;
  return error.status === 429 || error.status === 503 || error.retryAfterMs !== undefined;
}

function afterExtra(error: DownloadError, { refusals }: FailureState): AfterFailure {
  if (!error.retryable) return { kind: "retire", mayReturn: false };
  const isRefused = isConnectionLoss(error) && refusals >= REFUSALS;
  return isRefused ? RETIRE_FOR_NOW : { kind: "retry", afterMs: 0, whenSpent: RETIRE_FOR_NOW };
}

function afterLast(error: DownloadError, state: FailureState): AfterFailure {
  const whenSpent: FinalStep = mayBeOfTheRange(error, state) ? { kind: "complete file" } : FATAL;
  if (error.retryable) {
    const mayBeOfOthers = whenSpent === FATAL && state.wereOthersOpen && state.failures > 0;
    return { kind: "retry", afterMs: 0, whenSpent: mayBeOfOthers ? TRY_ALONE : whenSpent };
  }
  const hasGrace = state.wereOthersRefused && state.failures < GRACE;
  return hasGrace ? { kind: "retry", afterMs: GRACE_MS, whenSpent } : whenSpent;
}

/** Half of the requested length, if a shorter range was served and this one may have been too long. */
function shorterRange(error: DownloadError, state: FailureState): number | undefined {
  const { requestedBytes, servedBytes, leastBytes } = state;
  if (!(error instanceof HttpStatusError) || !TOO_LONG_STATUS.has(error.status)) return undefined;
  if (requestedBytes === undefined || servedBytes === 0 || requestedBytes <= servedBytes) return undefined;
  const half = Math.max(Math.ceil(requestedBytes / 2), Math.min(servedBytes, leastBytes));
  return half < requestedBytes ? half : undefined;
}

/** A temporary failure has nothing to do with ranges, unless the server has only ever served the first range. */
function mayBeOfTheRange(error: DownloadError, { requestedBytes, hasServedMiddle }: FailureState): boolean {
  if (requestedBytes === undefined) return false;
  if (error instanceof UnusableResponseError) return true;
  if (error instanceof HttpStatusError && FINAL_STATUS.has(error.status)) return false;
  if (!error.retryable) return error instanceof HttpStatusError;
  return !hasServedMiddle && (error instanceof HttpStatusError || isConnectionLoss(error));
}

/** Whether the connection failed, and not the response that it received. */
function isConnectionLoss({ code }: DownloadError): boolean {
  return code === "connect" || code === "network" || code === "timeout" || code === "proxy";
}
