import type { RemoteFile } from "../types.ts";
import { validatorOf } from "./headers.ts";
import { checkResponse, type Expectation, type Verdict } from "./response_check.ts";
import type { SegmentReader } from "./segment_reader.ts";

/** What the first response told, and its body. */
export interface ProbeResult {
  readonly remote: RemoteFile;
  readonly verdict: Verdict;
  readonly reader: SegmentReader;
}

/**
 * Learns size, range support and validators from the response to a GET of the first bytes, whose body is used;
 * a server may lie about HEAD.
 */
export function readProbe(reader: SegmentReader, expected: Expectation): ProbeResult {
  try {
    const verdict = checkResponse(reader, expected);
    return { remote: describe(reader, verdict), verdict, reader };
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
