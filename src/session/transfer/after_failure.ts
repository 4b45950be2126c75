import { DownloadError, HttpStatusError, RemoteChangedError } from "../../errors.ts";
import { ContradictionError, UnusableResponseError } from "../../http/unusable_response.ts";

/** What is known when a request of one connection has failed. */
export interface FailureState {
  /** Whether other connections are at work, so that this one is not needed. */
  readonly isExtra: boolean;
  /** Whether extra connections were refused, for which a server may make the last one suffer for a moment. */
  readonly wereOthersRefused: boolean;
  /** How many requests of this connection in a row brought nothing, while others were served. */
  readonly refusals: number;
  /** How many bytes were asked for, `undefined` where the whole file was. */
  readonly askedBytes: number | undefined;
  /** The longest range that the server has sent so far. */
  readonly servedBytes: number;
  /** The shortest range that is worth a request. */
  readonly leastBytes: number;
  /** Whether the server has sent something from the middle of the file. */
  readonly hasGoneOn: boolean;
}

/** What follows a failure: another try after a delay, and something else once the retries are spent; or that at once. */
export type AfterFailure =
  | { readonly kind: "retry"; readonly most: number; readonly afterMs: number; readonly whenSpent: FinalStep }
  | FinalStep;

/** What follows a failure without another try of the same. */
export type FinalStep =
  /** Ask for ranges of so many bytes at most from now on, immediately. */
  | { readonly kind: "ask for less"; readonly bytes: number }
  /** Leave the rest to the other connections; one that was refused in passing may come back. */
  | { readonly kind: "retire"; readonly mayReturn: boolean }
  /** Ask for the whole file, and use what is missing of it. */
  | { readonly kind: "ask plainly" }
  | { readonly kind: "fail" };

/** Once, a request may be lost on the way. */
const REFUSALS = 2;
/** How often what is refused is tried again where others were served, and after how long at least. */
export const GRACE = 2;
export const GRACE_MS = 2000;
/** How a server may refuse a range that is too long for it. */
const TOO_LONG_STATUS = new Set([400, 403, 413, 416]);
/** Credentials, an expired URL and the law have nothing to do with ranges. */
export const FINAL_STATUS = new Set([401, 407, 410, 451]);

/** Decides what follows when a request has failed. A refusal of one connection is no failure while another is served. */
export function afterFailure(error: unknown, state: FailureState): AfterFailure {
  if (!(error instanceof DownloadError) || error instanceof RemoteChangedError) return { kind: "fail" };
  if (error instanceof ContradictionError) return { kind: "fail" };
  const shorter = shorterRange(error, state);
  if (shorter !== undefined) return { kind: "ask for less", bytes: shorter };
  if (state.isExtra) {
    if (!error.retryable) return { kind: "retire", mayReturn: false };
    const isRefused = isLost(error) && state.refusals >= REFUSALS;
    const retire = { kind: "retire", mayReturn: true } as const;
    return isRefused ? retire : { kind: "retry", most: Infinity, afterMs: 0, whenSpent: retire };
  }
  const last: FinalStep = { kind: mayBeOfTheRange(error, state) ? "ask plainly" : "fail" };
  if (error.retryable) return { kind: "retry", most: Infinity, afterMs: 0, whenSpent: last };
  return state.wereOthersRefused ? { kind: "retry", most: GRACE, afterMs: GRACE_MS, whenSpent: last } : last;
}

/** Whether a server asks for quiet, so that fewer connections should be at work for a while. */
export function isOverload(error: unknown): error is HttpStatusError {
  if (!(error instanceof HttpStatusError) || !error.retryable) return false;
  return error.status === 429 || error.status === 503 || error.retryAfterMs !== undefined;
}

/** Half of what was asked for, where something shorter was served and this may have been too long. */
function shorterRange(error: DownloadError, state: FailureState): number | undefined {
  const { askedBytes, servedBytes, leastBytes } = state;
  if (!(error instanceof HttpStatusError) || !TOO_LONG_STATUS.has(error.status)) return undefined;
  if (askedBytes === undefined || servedBytes === 0 || askedBytes <= servedBytes) return undefined;
  const half = Math.max(Math.ceil(askedBytes / 2), Math.min(servedBytes, leastBytes));
  return half < askedBytes ? half : undefined;
}

/** What passes has nothing to do with ranges, unless nothing but the first one was ever served. */
function mayBeOfTheRange(error: DownloadError, { askedBytes, hasGoneOn }: FailureState): boolean {
  if (askedBytes === undefined) return false;
  if (error instanceof UnusableResponseError) return true;
  if (error instanceof HttpStatusError && FINAL_STATUS.has(error.status)) return false;
  if (!error.retryable) return error instanceof HttpStatusError;
  return !hasGoneOn && (error instanceof HttpStatusError || isLost(error));
}

/** Whether it is the connection that failed, not what came over it. */
function isLost({ code }: DownloadError): boolean {
  return code === "connect" || code === "network" || code === "timeout" || code === "proxy";
}
