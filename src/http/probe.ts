import type { ByteRange, RemoteFile } from "../types.ts";
import { validatorOf } from "./headers.ts";
import type { Target } from "./redirect.ts";
import { checkResponse, type Expectation, type Verdict } from "./response_check.ts";
import { openSegment, type SegmentReader, type TransportOptions } from "./segment_reader.ts";

/** The first request of a run. */
export interface ProbeRequest {
  readonly target: Target;
  /** What to ask for first; its body is used. */
  readonly range: ByteRange;
  /** The version an earlier run was fetching. */
  readonly version: Expectation["version"];
  readonly ifRange: string | undefined;
  readonly signal: AbortSignal;
}

/** What the first response told, and its body. */
export interface ProbeResult {
  readonly remote: RemoteFile;
  readonly target: Target;
  readonly verdict: Verdict;
  readonly reader: SegmentReader;
}

/** Learns size, range support and validators from a GET of the first bytes; a server may lie about HEAD. */
export async function probe(options: TransportOptions, request: ProbeRequest): Promise<ProbeResult> {
  const { target, range, version, ifRange, signal } = request;
  const reader = await openSegment(options, { target, range, ifRange, signal });
  try {
    const verdict = checkResponse(reader, {
      range,
      version,
      saidIfRange: ifRange !== undefined,
      wallMs: options.clock.wallMs(),
    });
    return { remote: describe(reader, verdict), target: reader.target, verdict, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function describe(reader: SegmentReader, verdict: Verdict): RemoteFile {
  return {
    finalUrl: reader.target.url,
    size: verdict.kind === "empty" ? 0 : verdict.size,
    acceptsRanges: verdict.kind === "part",
    validator: validatorOf(reader.headers),
    contentDisposition: reader.headers.get("content-disposition") ?? undefined,
  };
}
