import { DownloadError, HttpStatusError } from "../../errors.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import { ageOf, agree, namesVersion, strongValidator, YOUNG_MS } from "../../http/validator.ts";
import { FINAL_STATUS } from "../transfer/after_failure.ts";

/** Dates in HTTP have whole seconds, and the last second may have just started. */
const DATE_STEP_MS = 1000;
/** The statuses with which servers answer a range request for an empty file. */
const EMPTY_STATUS = new Set([204, 205, 416]);

/**
 * Whether the range or the condition of a request may have caused a failure. A request without them may then
 * succeed.
 */
export function mayBeOddity(error: unknown): error is DownloadError {
  if (!(error instanceof DownloadError)) return false;
  if (error instanceof HttpStatusError) return isOddStatus(error);
  if (error instanceof UnusableResponseError) return true;
  return error.retryable && (error.code === "network" || error.code === "timeout");
}

/** Whether a range request may have failed because the file is empty. */
export function mayMeanEmpty(error: DownloadError): boolean {
  return error instanceof HttpStatusError && EMPTY_STATUS.has(error.status);
}

/** Whether two requests failed in the same way. Then the difference between the requests is not the cause. */
export function isAlike(one: unknown, other: DownloadError | undefined): boolean {
  if (!(one instanceof DownloadError) || one.code !== other?.code) return false;
  return (one instanceof HttpStatusError && one.status) ===
    (other instanceof HttpStatusError && other.status);
}

/** A temporary failure has nothing to do with ranges, except for an internal error of the server. */
function isOddStatus({ status, retryable, retryAfterMs }: HttpStatusError): boolean {
  return retryable ? status === 500 && retryAfterMs === undefined : !FINAL_STATUS.has(status);
}

/**
 * How much older the file must become before its date can prove that several responses are of one version; 0 if no
 * proof is needed.
 */
export function ageLacking({ verdict, remote, reader, requested }: ProbeResult, wallMs: number): number {
  const { validator, size = 0 } = remote;
  const isAll = verdict.kind !== "part" || requested?.end === Infinity || verdict.range.end === size;
  if (isAll || !validator.isYoung || strongValidator(validator) !== undefined) return 0;
  // A date in the future counts as age 0. Otherwise the wait would last until that date.
  const ageMs = Math.max(0, ageOf(reader.headers, wallMs));
  return YOUNG_MS + DATE_STEP_MS - ageMs;
}

/**
 * Whether `plain` is not the file that `first` is a part of. The same file would not be shorter, and would have a
 * validator if `first` has one.
 */
export function isSomethingElse(first: ProbeResult, plain: ProbeResult, isJudged: boolean): boolean {
  const { size, validator } = plain.remote;
  if (size !== undefined && size < sentBytes(first)) return true;
  if (size === undefined && !isJudged && !agree(first.remote.validator, validator)) return true;
  return namesVersion(first.remote.validator) && !namesVersion(validator);
}

/** The offset in the file at which the body of a response ends. */
function sentBytes({ verdict, remote }: ProbeResult): number {
  return verdict.kind === "part" ? verdict.range.end : remote.size ?? 0;
}

/**
 * Whether a suspected part was the complete file from a server that supports ranges. Both responses then have the
 * same size.
 */
export function wasComplete(first: ProbeResult, plain: ProbeResult): boolean {
  return first.verdict.kind === "part" && first.remote.size === plain.remote.size &&
    agree(first.remote.validator, plain.remote.validator);
}
