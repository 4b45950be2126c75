import { DownloadError, HttpStatusError } from "../../errors.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import { ageOf, agree, namesVersion, strongValidator, YOUNG_MS } from "../../http/validator.ts";
import { FINAL_STATUS } from "../transfer/after_failure.ts";

/** Dates in HTTP have whole seconds, of which the last one may just have begun. */
const DATE_STEP_MS = 1000;
/** How a range of an empty file may be answered. */
const EMPTY_STATUS = new Set([204, 205, 416]);

/** Whether a failure may come from the range or the condition in a request, so that the same without may do. */
export function mayBeOddity(error: unknown): error is DownloadError {
  if (!(error instanceof DownloadError)) return false;
  if (error instanceof HttpStatusError) return isOddStatus(error);
  if (error instanceof UnusableResponseError) return true;
  return error.retryable && (error.code === "network" || error.code === "timeout");
}

/** Whether a failed request for a range may have been for an empty file. */
export function mayMeanEmpty(error: DownloadError): boolean {
  return error instanceof HttpStatusError && EMPTY_STATUS.has(error.status);
}

/** Whether two requests failed in the same way, so that it is nothing in which they differ. */
export function isAlike(one: unknown, other: DownloadError | undefined): boolean {
  if (!(one instanceof DownloadError) || one.code !== other?.code) return false;
  return (one instanceof HttpStatusError && one.status) ===
    (other instanceof HttpStatusError && other.status);
}

/** What passes has nothing to do with ranges, but for an error of the server's own. */
function isOddStatus({ status, retryable, retryAfterMs }: HttpStatusError): boolean {
  return retryable ? status === 500 && retryAfterMs === undefined : !FINAL_STATUS.has(status);
}

/** How much older a file must be before its date can prove that several responses are of one version, if they must. */
export function ageLacking({ verdict, remote, reader, asked }: ProbeResult, wallMs: number): number {
  const { validator, size = 0 } = remote;
  const isAll = verdict.kind !== "part" || asked?.end === Infinity || verdict.range.end === size;
  if (isAll || !validator.isYoung || strongValidator(validator) !== undefined) return 0;
  // A date in the future would have to be waited for.
  const ageMs = Math.max(0, ageOf(reader.headers, wallMs));
  return YOUNG_MS + DATE_STEP_MS - ageMs;
}

/** Whether `plain` is not the file of which `first` was sent: that has no more bytes, and a name where this one has. */
export function isSomethingElse(first: ProbeResult, plain: ProbeResult, isJudged: boolean): boolean {
  const { size, validator } = plain.remote;
  if (size !== undefined && size < sentBytes(first)) return true;
  if (size === undefined && !isJudged && !agree(first.remote.validator, validator)) return true;
  return namesVersion(first.remote.validator) && !namesVersion(validator);
}

/** Where in the file the body of a response ends. */
export function sentBytes({ verdict, remote }: ProbeResult): number {
  return verdict.kind === "part" ? verdict.range.end : remote.size ?? 0;
}

/** Whether what seemed to be a part was complete, and came from a server that has ranges: both have the same size. */
export function wasComplete(first: ProbeResult, plain: ProbeResult): boolean {
  return first.verdict.kind === "part" && first.remote.size === plain.remote.size &&
    agree(first.remote.validator, plain.remote.validator);
}
