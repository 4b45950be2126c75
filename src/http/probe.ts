import type { ByteRange, RemoteFile } from "../types.ts";
import { checkResponse, type Expectation, type Verdict } from "./response_check.ts";
import type { SegmentReader } from "./segment_reader.ts";
import { validatorOf } from "./validator.ts";

/** What the first response told, and its body. */
export interface ProbeResult {
  readonly remote: RemoteFile;
  readonly verdict: Verdict;
  readonly reader: SegmentReader;
  /** What was asked for, `undefined` for the whole file. */
  readonly asked: ByteRange | undefined;
  /** Bytes of the file that a response before this one had: a body without a length that ends sooner was cut. */
  readonly leastSize?: number;
}

/**
 * Learns size, range support and validators from the response to a GET of the first bytes, whose body is used;
 * a server may lie about HEAD.
 */
export function readProbe(reader: SegmentReader, expected: Expectation): ProbeResult {
  try {
    const verdict = checkResponse(reader, expected);
    return { remote: describe(reader, verdict, expected.wallMs), verdict, reader, asked: expected.range };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/**
 * Whether a response may be a part that is called the whole: then the file ends exactly where the range that was asked
 * for ends. A server that honours a range and answers 200 does so, and one that tells the size of the part for that of
 * the file.
 */
export function mayBePart({ verdict, reader, asked }: ProbeResult): boolean {
  if (asked === undefined) return false;
  const askedBytes = asked.end - asked.start;
  switch (verdict.kind) {
    case "part":
      return verdict.range.end === asked.end && (verdict.size === asked.end || verdict.size === askedBytes);
    case "whole":
      return verdict.size === askedBytes || (askedBytes !== Infinity && reader.headers.has("content-range"));
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
