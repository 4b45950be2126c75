import { DownloadError, HttpStatusError } from "../../errors.ts";
import { RetryBudget } from "../../flow/backoff.ts";
import { mayBePart, type ProbeResult, readProbe } from "../../http/probe.ts";
import type { Expectation } from "../../http/response_check.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import { ageOf, agree, namesVersion, strongValidator, YOUNG_MS } from "../../http/validator.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { ByteRange } from "../../types.ts";
import { OVER, TimeExpiredError } from "../../lib/waiting.ts";
import { FINAL_STATUS, GRACE, GRACE_MS } from "../transfer/after_failure.ts";
import { isJudgedByChecksum, type SessionContext } from "../context.ts";
import { withRetries } from "./retry.ts";

/** What the first request asks for when nothing is there yet. */
const FIRST_SEGMENT_BYTES = 1024 * 1024;
/** How what may be a part is read out, and for how long at most. */
const READ_OUT_BLOCK_BYTES = 64 * 1024;
const READ_OUT_MS = 1000;
/** Dates in HTTP have whole seconds, of which the last one may just have begun. */
const DATE_STEP_MS = 1000;

/** How long a range that was not answered is tried once more, while the whole file waits: so many times as long as that. */
const SECOND_TRY_PATIENCE = 3;
const LEAST_SECOND_TRY_MS = 2000;

/** One request of a first response. */
export interface FirstRequest {
  /** `undefined` asks for the whole file. */
  readonly range: ByteRange | undefined;
  /** The version an earlier run was fetching. */
  readonly version: Expectation["version"];
  readonly ifRange: string | undefined;
  /**
   * Whether a request before was answered as those for an empty file are.
   *
   * @default {false}
   */
  readonly mayBeEmpty?: boolean;
}

const PLAIN: FirstRequest = { range: undefined, version: undefined, ifRange: undefined };

/** Asks for the first bytes of the file. */
export function probeFresh(context: SessionContext, signal: AbortSignal): Promise<ProbeResult> {
  return probe(context, { start: 0, end: mostAtFirst(context) }, signal);
}

/** As `probeFresh`, for a name; it may turn out that these bytes are there already. */
export function probeForName(context: SessionContext, signal: AbortSignal): Promise<ProbeResult> {
  return probe(context, { start: 0, end: fewAtFirst(context.spec) }, signal);
}

/** Asks for the whole file, as a client does that knows no ranges. */
export function probePlainly(context: SessionContext, signal: AbortSignal): Promise<ProbeResult> {
  return withRetries(context, newBudget(context), signal, () => askOnce(context, PLAIN, signal));
}

/** Sends one request, and judges its response. */
export async function askOnce(
  { runtime: { clock }, source, spec }: SessionContext,
  { range, version, ifRange, mayBeEmpty = false }: FirstRequest,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const reader = await source.open({ range, ifRange, signal });
  const saidIfRange = ifRange !== undefined;
  const wallMs = clock.wallMs();
  return readProbe(reader, { range, version, saidIfRange, mayBeEmpty, wallMs, file: spec });
}

/** The retries of a first response. */
export function newBudget({ spec, runtime }: SessionContext): RetryBudget {
  return new RetryBudget(spec, runtime.clock);
}

/** The most bytes that the first request asks for. A lone connection asks for everything at once. */
export function mostAtFirst({ spec }: SessionContext): number {
  return spec.maxConnections > 1 ? fewAtFirst(spec) : spec.maxSegmentSize;
}

/** Whether a failure may come from the range or the condition in a request, so that the same without may do. */
export function mayBeOddity(error: unknown): error is DownloadError {
  if (!(error instanceof DownloadError)) return false;
  if (error instanceof HttpStatusError) return isOddStatus(error);
  if (error instanceof UnusableResponseError) return true;
  return error.retryable && (error.code === "network" || error.code === "timeout");
}

/** Whether two requests failed in the same way, so that it is nothing in which they differ. */
function isAlike(one: unknown, other: DownloadError | undefined): boolean {
  if (!(one instanceof DownloadError) || one.code !== other?.code) return false;
  return (one instanceof HttpStatusError && one.status) ===
    (other instanceof HttpStatusError && other.status);
}

/** How a range of an empty file may be answered. */
const EMPTY_STATUS = new Set([204, 205, 416]);

/** What passes has nothing to do with ranges, but for an error of the server's own. */
function isOddStatus({ status, retryable, retryAfterMs }: HttpStatusError): boolean {
  return retryable ? status === 500 && retryAfterMs === undefined : !FINAL_STATUS.has(status);
}

async function probe(context: SessionContext, range: ByteRange, signal: AbortSignal): Promise<ProbeResult> {
  const { log, runtime: { clock } } = context;
  const first = await askInTwoWays(context, range, signal);
  const waitMs = isJudgedByChecksum(context) ? 0 : ageLacking(first, clock.wallMs());
  if (waitMs === 0) return first;
  first.reader.close();
  log("info", "the file changed just now; asking again once its date tells versions apart");
  await clock.sleep(waitMs, signal);
  return await askInTwoWays(context, range, signal);
}

/** How much older a file must be before its date can prove that several responses are of one version, if they must. */
function ageLacking({ verdict, remote, reader, asked }: ProbeResult, wallMs: number): number {
  const { validator, size = 0 } = remote;
  const isAll = verdict.kind !== "part" || asked?.end === Infinity || verdict.range.end === size;
  if (isAll || !validator.isYoung || strongValidator(validator) !== undefined) return 0;
  // A date in the future would have to be waited for.
  const ageMs = Math.max(0, ageOf(reader.headers, wallMs));
  return YOUNG_MS + DATE_STEP_MS - ageMs;
}

/** Asks for a range, and where its answer is of no use once more for everything. */
async function askInTwoWays(
  context: SessionContext,
  range: ByteRange,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const request: FirstRequest = { range, version: undefined, ifRange: undefined };
  /** What a range brought will not change. */
  let asksPlainly = false;
  let mayBeEmpty = false;
  let isRangeInnocent = false;
  let rangeError: DownloadError | undefined;
  /** A response that may be a part. */
  let suspicious: ProbeResult | undefined;
  const attempt = async (): Promise<ProbeResult> => {
    let wasPassing = false;
    if (!asksPlainly) {
      try {
        const first = await askOnce(context, request, signal);
        if (!mayBePart(first)) return first;
        await readOut(context, first);
        suspicious = first;
        asksPlainly = true;
        context.log("info", "the file seems to end with the range that was asked for; asking for all of it");
      } catch (error) {
        signal.throwIfAborted();
        if (!mayBeOddity(error) || (isRangeInnocent && error.retryable)) throw error;
        rangeError = error;
        asksPlainly = !error.retryable;
        mayBeEmpty = error instanceof HttpStatusError && EMPTY_STATUS.has(error.status);
        wasPassing = error.retryable;
        context.log("info", `${error.message}; asking for the whole file`);
      }
    }
    if (suspicious !== undefined) return await confirm(context, suspicious, signal);
    const plain = await askOnce(context, { ...PLAIN, mayBeEmpty }, signal).catch((error) => {
      isRangeInnocent = isAlike(error, rangeError);
      throw error;
    });
    return wasPassing ? await preferRanges(context, plain, request, signal) : plain;
  };
  return await withRetries(context, newBudget(context), signal, attempt).catch(async (error) => {
    const isRefusal = error instanceof HttpStatusError && error.retryable && !isRangeInnocent;
    if (!isRefusal || signal.aborted) throw error;
    return await askOnce(context, PLAIN, signal).catch(() => {
      throw error;
    });
  });
}

/**
 * Asks for the whole file, over the one connection that is left. A server that counts connections may refuse that for a
 * moment, or send a page in its place: it has served this file already, so it is asked again.
 */
async function confirm(
  context: SessionContext,
  first: ProbeResult,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { runtime: { clock }, source, spec, log } = context;
  for (let tries = 0;; tries++) {
    try {
      const plain = await askOnce(context, PLAIN, signal);
      if (!isSomethingElse(context, first, plain)) return withRanges(first, plain);
      plain.reader.close();
      throw new UnusableResponseError("it is something else than the file of which a part was sent before");
    } catch (error) {
      signal.throwIfAborted();
      const isRefusal = error instanceof HttpStatusError || error instanceof UnusableResponseError;
      if (!isRefusal || error.retryable || tries === GRACE) throw error;
      log("info", `${error.message}; asking again`);
      source.closeIdle();
      await clock.sleep(Math.min(GRACE_MS, spec.retryMaxDelayMs), signal);
    }
  }
}

/** Reads what may be a part to its end, if that comes soon, so that its connection can serve the next request. */
async function readOut({ runtime: { clock } }: SessionContext, { reader }: ProbeResult): Promise<void> {
  const block = { bytes: new Uint8Array(READ_OUT_BLOCK_BYTES) };
  const inTime = new AbortController();
  clock.sleep(READ_OUT_MS, inTime.signal).then(() => reader.close(), () => {}); // it was in time
  try {
    while (await reader.read(block, READ_OUT_BLOCK_BYTES) > 0);
    await reader.finish();
  } catch {
    reader.close(); // of what it was nothing is used
  } finally {
    inTime.abort(OVER);
  }
}

/** The whole cannot be less than its part, and has a name where that has one. */
function isSomethingElse(context: SessionContext, first: ProbeResult, plain: ProbeResult): boolean {
  const { size, validator } = plain.remote;
  if (size !== undefined && size < sentBytes(first)) return true;
  if (size === undefined && !isJudgedByChecksum(context) && !agree(first.remote.validator, validator)) {
    return true;
  }
  return namesVersion(first.remote.validator) && !namesVersion(validator);
}

/** Where in the file the body of a response ends. */
function sentBytes({ verdict, remote }: ProbeResult): number {
  return verdict.kind === "part" ? verdict.range.end : remote.size ?? 0;
}

/** What seemed to be a part was the whole, from a server that has ranges, where both responses have the same size. */
function withRanges(first: ProbeResult, plain: ProbeResult): ProbeResult {
  if (plain.remote.size === undefined) return { ...plain, leastSize: sentBytes(first) };
  const isWhole = first.verdict.kind === "part" && first.remote.size === plain.remote.size &&
    agree(first.remote.validator, plain.remote.validator);
  return isWhole ? { ...plain, remote: { ...plain.remote, acceptsRanges: true } } : plain;
}

/** It may have been chance that a request for a range failed: parts, and the size that they tell, are worth another try. */
async function preferRanges(
  context: SessionContext,
  plain: ProbeResult,
  request: FirstRequest,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { size, validator } = plain.remote;
  const hasRanges = /\bbytes\b/i.test(plain.reader.headers.get("accept-ranges") ?? "");
  if (size !== undefined && (!hasRanges || size <= FIRST_SEGMENT_BYTES)) return plain;
  const mostMs = Math.max(LEAST_SECOND_TRY_MS, plain.reader.waitedMs * SECOND_TRY_PATIENCE);
  try {
    const ranged = await askBriefly(context, request, mostMs, signal);
    const isSame = (size === undefined || ranged.remote.size === size) &&
      agree(ranged.remote.validator, validator);
    const isUseful = ranged.verdict.kind === "part" && isSame && !mayBePart(ranged);
    const [kept, other] = isUseful ? [ranged, plain] : [plain, ranged];
    other.reader.close();
    return kept;
  } catch (error) {
    if (signal.aborted || !(error instanceof DownloadError || error instanceof TimeExpiredError)) {
      plain.reader.close();
      throw error;
    }
    return plain;
  }
}

/** As `askOnce`, but its response must begin within `ms` milliseconds. */
async function askBriefly(
  context: SessionContext,
  request: FirstRequest,
  ms: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const late = new AbortController();
  const inTime = new AbortController();
  const { clock } = context.runtime;
  clock.sleep(ms, inTime.signal).then(() => late.abort(new TimeExpiredError()), () => {}); // it was in time
  try {
    return await askOnce(context, request, AbortSignal.any([signal, late.signal]));
  } finally {
    inTime.abort(OVER);
  }
}

function fewAtFirst({ minSegmentSize, maxSegmentSize }: ResolvedSpec): number {
  return Math.min(Math.max(minSegmentSize, FIRST_SEGMENT_BYTES), maxSegmentSize);
}
