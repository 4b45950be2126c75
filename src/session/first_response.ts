import { RemoteChangedError } from "../errors.ts";
import { RetryBudget } from "../flow/backoff.ts";
import { strongValidator } from "../http/headers.ts";
import { type ProbeResult, readProbe } from "../http/probe.ts";
import type { Expectation } from "../http/response_check.ts";
import type { ByteRange } from "../types.ts";
import type { SessionContext } from "./context.ts";
import type { Interrupted } from "./resume.ts";
import { withRetries } from "./retry.ts";

/** What the first request asks for when nothing is there yet. */
const FIRST_SEGMENT_BYTES = 1024 * 1024;
const WHOLE: ByteRange = { start: 0, end: Infinity };

/** Asks for the first bytes of the file. */
export function probeFresh(context: SessionContext, signal: AbortSignal): Promise<ProbeResult> {
  return sendFresh(context, firstSegment(context, WHOLE), signal);
}

/** As `probeFresh`, for a name; it may turn out that these bytes are there already. */
export function probeForName(context: SessionContext, signal: AbortSignal): Promise<ProbeResult> {
  return sendFresh(context, startOf(context, WHOLE), signal);
}

function sendFresh(context: SessionContext, range: ByteRange, signal: AbortSignal): Promise<ProbeResult> {
  return send(context, { range, version: undefined, ifRange: undefined, signal });
}

/**
 * Asks for the first bytes that an earlier run lacks, on condition that the file is still the same.
 * `undefined` when the server says that it is not.
 */
export async function probeInterrupted(
  context: SessionContext,
  { record, pieces }: Interrupted,
  signal: AbortSignal,
): Promise<ProbeResult | undefined> {
  const range = firstSegment(context, pieces.missing()[0]!);
  const { size, validator } = record;
  try {
    const result = await send(context, {
      range,
      version: { size, validator },
      ifRange: strongValidator(validator),
      signal,
    });
    if (result.verdict.kind !== "whole" || result.verdict.isSameVersion) return result;
    // Another version whole: asked anew, the server may send that in parts.
    result.reader.close();
    return undefined;
  } catch (error) {
    if (error instanceof RemoteChangedError) return undefined;
    throw error;
  }
}

/** One request of a first response. */
interface FirstRequest {
  readonly range: ByteRange;
  /** The version an earlier run was fetching. */
  readonly version: Expectation["version"];
  readonly ifRange: string | undefined;
  readonly signal: AbortSignal;
}

function send(context: SessionContext, request: FirstRequest): Promise<ProbeResult> {
  const { runtime: { clock }, source } = context;
  const { range, version, ifRange, signal } = request;
  return withRetries(
    context,
    new RetryBudget(context.spec, clock),
    signal,
    async () =>
      readProbe(await source.open({ range, ifRange, signal }), {
        range,
        version,
        saidIfRange: ifRange !== undefined,
        wallMs: clock.wallMs(),
        file: context.spec,
      }),
  );
}

/** A lone connection asks for everything at once. */
function firstSegment(context: SessionContext, missing: ByteRange): ByteRange {
  return context.spec.maxConnections === 1 ? missing : startOf(context, missing);
}

function startOf({ spec }: SessionContext, missing: ByteRange): ByteRange {
  const length = Math.max(spec.minSegmentSize, FIRST_SEGMENT_BYTES);
  return { start: missing.start, end: Math.min(missing.end, missing.start + length) };
}
