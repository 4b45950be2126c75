import { DownloadError, HttpStatusError, RemoteChangedError } from "../errors.ts";
import type { ByteRange, Validator } from "../types.ts";
import { agree, contentLength, parseRetryAfter, tellsVersion, validatorOf } from "./headers.ts";
import { describeWanted } from "../wanted_login.ts";
import { parseContentRange } from "./range.ts";

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
}

/** What was asked, and what is known already. */
export interface Expectation {
  /** What the request asked for, or `undefined` when it asked for the whole file. */
  readonly range: ByteRange | undefined;
  /** The version being fetched, or `undefined` for the first response. */
  readonly version: { readonly size: number | undefined; readonly validator: Validator } | undefined;
  /**
   * Whether the request had `If-Range`, which lets a server leave out the date.
   *
   * @default {false}
   */
  readonly saidIfRange?: boolean;
  /** Milliseconds since 1970, for dates in the response. */
  readonly wallMs: number;
}

/** What may be done with a response that passed. */
export type Verdict =
  /** The body is `range` of a file of `size` bytes. */
  | { readonly kind: "part"; readonly range: ByteRange; readonly size: number }
  /** The body is the whole file. `isSameVersion` tells whether it can be the one being fetched. */
  | { readonly kind: "whole"; readonly size: number | undefined; readonly isSameVersion: boolean }
  /** The file has no bytes; the body is something else. */
  | { readonly kind: "empty" };

const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/**
 * Decides whether the body of a response may be trusted, and what it is. Throws a `DownloadError` for every
 * response that does not fit what was asked; then no byte of it may reach the file.
 */
export function checkResponse(head: ResponseHead, expected: Expectation): Verdict {
  switch (head.status) {
    case 206:
      return checkPart(head.headers, expected);
    case 200:
      return checkWhole(head.headers, expected);
    case 416:
      return checkUnsatisfied(head.headers, expected);
    default:
      throw statusError(head, expected.wallMs);
  }
}

function checkPart(headers: Headers, { range: asked, version, saidIfRange = false }: Expectation): Verdict {
  if (asked === undefined) throw unusable("it is a part although the whole file was asked for");
  if (/^\s*multipart\//i.test(headers.get("content-type") ?? "")) throw unusable("it has several parts");
  refuseEncoding(headers);
  const field = headers.get("content-range");
  const content = parseContentRange(field ?? "");
  if (content?.range === undefined) {
    throw unusable(field === null ? "it has no Content-Range" : `its Content-Range is "${field}"`);
  }
  const { range, size } = content;
  if (size === undefined) throw unusable("its Content-Range does not tell the size of the file");
  if (range.start !== asked.start || range.end > asked.end) {
    throw unusable(`it covers bytes ${show(range)}, asked were ${show(asked)}`);
  }
  const length = contentLength(headers);
  if (length !== undefined && length !== range.end - range.start) {
    throw unusable(`its Content-Length ${length} does not fit its Content-Range "${field}"`);
  }
  if (version !== undefined) {
    requireVersion(headers, size, version);
    if (!tellsVersion(version.validator, validatorOf(headers), saidIfRange)) {
      throw new DownloadError(
        "bad_response",
        "Cannot use the response: it does not tell which version of the file it belongs to",
        { retryable: true },
      );
    }
  }
  return { kind: "part", range, size };
}

function checkWhole(headers: Headers, { version }: Expectation): Verdict {
  refuseEncoding(headers);
  const size = contentLength(headers);
  const isSameSize = size === undefined || version?.size === undefined || size === version.size;
  const isSameVersion = version === undefined ||
    (isSameSize && agree(version.validator, validatorOf(headers)));
  return { kind: "whole", size, isSameVersion };
}

function checkUnsatisfied(headers: Headers, { range, version, wallMs }: Expectation): Verdict {
  const size = parseContentRange(headers.get("content-range") ?? "")?.size;
  if (version === undefined && range?.start === 0 && size === 0) return { kind: "empty" };
  if (version !== undefined && size !== undefined) requireVersion(headers, size, version);
  throw statusError({ status: 416, headers }, wallMs);
}

function requireVersion(
  headers: Headers,
  size: number,
  version: NonNullable<Expectation["version"]>,
): void {
  if (version.size !== undefined && size !== version.size) {
    throw new RemoteChangedError(
      `Cannot go on: the file on the server changed; it had ${version.size} bytes and has ${size} now`,
    );
  }
  if (!agree(version.validator, validatorOf(headers))) {
    throw new RemoteChangedError(
      "Cannot go on: the file on the server changed; its ETag or date is no longer the same",
    );
  }
}

function refuseEncoding(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding === null || /^\s*(identity)?\s*$/i.test(encoding)) return;
  throw unusable(`it is encoded as "${encoding}" although the file itself was asked for`);
}

/** What a status that is no success means. */
export function statusError({ status, headers }: ResponseHead, wallMs: number): HttpStatusError {
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), wallMs);
  const wanted = status === 401 ? describeWanted(headers.get("www-authenticate")) : undefined;
  const meaning = wanted === undefined ? STATUS_MEANING[status] : `it wants credentials: ${wanted}`;
  const shown = meaning === undefined ? `${status}` : `${status} (${meaning})`;
  return new HttpStatusError(status, `Cannot fetch the file: the server answered ${shown}`, {
    retryable: RETRYABLE_STATUS.has(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

const STATUS_MEANING: Readonly<Record<number, string>> = {
  401: "it wants credentials",
  403: "access refused",
  404: "no such file",
  410: "the file is gone",
  416: "it does not have the bytes that were asked for",
  429: "too many requests",
  500: "an error of its own",
  502: "bad gateway",
  503: "unavailable for now",
  504: "gateway timeout",
};

function unusable(reason: string): DownloadError {
  return new DownloadError("bad_response", `Cannot use the response: ${reason}`);
}

function show({ start, end }: ByteRange): string {
  return `${start} to ${end - 1}`;
}
