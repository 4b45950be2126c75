import type { ByteRange, RemoteFile } from "../types.ts";
import { checkResponse, type Expectation, type Verdict } from "./response_check.ts";
import type { SegmentReader } from "./segment_reader.ts";
import { validatorOf } from "./validator.ts";

/** The result of the first response, and its body. */
export interface ProbeResult {
  readonly remote: RemoteFile;
  readonly verdict: Verdict;
  readonly reader: SegmentReader;
  /** The requested range; `undefined` for the complete file. */
  readonly requested: ByteRange | undefined;
  /** Known least size of the file, from an earlier response. A shorter body without a length was cut. */
  readonly leastSize?: number;
}

/**
 * Reads size, range support and validators from the response to a GET of the first bytes, whose body is used.
 * HEAD is never used, because servers may answer it wrongly.
 */
export function readProbe(reader: SegmentReader, expected: Expectation): ProbeResult {
  try {
    const verdict = checkResponse(reader, expected);
    return { remote: describe(reader, verdict, expected.wallMs), verdict, reader, requested: expected.range };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/**
 * Whether a response that looks complete may be only a part: its file would end exactly where the requested
 * range ends. Some servers send a range with the status 200; others send the size of the part as the size of
 * the file.
 */
export function mayBePart({ verdict, reader, requested }: ProbeResult): boolean {
  if (requested === undefined) return false;
  const requestedBytes = requested.end - requested.start;
  switch (verdict.kind) {
    case "part":
      return verdict.range.end === requested.end &&
        (verdict.size === requested.end || verdict.size === requestedBytes);
    case "complete":
      return verdict.size === requestedBytes ||
        (requestedBytes !== Infinity && reader.headers.has("content-range"));
    case "empty":
      return false;
  }
}

function describe(reader: SegmentReader, verdict: Verdict, wallMs: number): RemoteFile {
  return {
    finalUrl: reader.target.url,
    size: verdict.kind === "empty" ? 0 : verdict.size,
    acceptsRanges: verdict.kind === "part",
    validator: validatorOf(reader.headers, wallMs),
    contentDisposition: reader.headers.get("content-disposition") ?? undefined,
  };
}
