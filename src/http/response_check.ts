import { HttpStatusError, RemoteChangedError } from "../errors.ts";
import { quoteForeign } from "../lib/foreign_text.ts";
import type { ContentEncoding } from "../options/request_options.ts";
import type { ByteRange, Validator } from "../types.ts";
import { describeWanted } from "../auth/wanted_login.ts";
import { hidingCoding } from "./fields/content_encoding.ts";
import { contentLength, parseRetryAfter } from "./fields/headers.ts";
import { parseContentRange } from "./fields/range.ts";
import { ContradictionError, UnusableResponseError } from "./unusable_response.ts";
import { agree, identifiesVersion, validatorOf } from "./validator.ts";

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
  /** The source of the response, after redirects. */
  readonly target?: { readonly url: string };
}

/** The version that is being fetched. */
export interface ExpectedVersion {
  readonly size: number | undefined;
  readonly validator: Validator;
  /**
   * Whether the caller's checksum decides. Then several servers of one file may send different validators.
   *
   * @default {false}
   */
  readonly isJudgedByChecksum?: boolean;
}

/** The request of a response, and the known facts about the file. */
export interface Expectation {
  /** The requested range; `undefined` when the complete file was requested. */
  readonly range: ByteRange | undefined;
  /** The version being fetched, or `undefined` for the first response. */
  readonly version: ExpectedVersion | undefined;
  /**
   * Whether an earlier response was one that an empty file may get.
   *
   * @default {false}
   */
  readonly mayBeEmpty?: boolean;
  /**
   * Whether the request had `If-Range`, which lets a server leave out the date.
   *
   * @default {false}
   */
  readonly saidIfRange?: boolean;
  /** Milliseconds since 1970, for dates in the response. */
  readonly wallMs: number;
  /** The caller's URL of the file, and what to do with an encoded response. Without `file` it is refused. */
  readonly file?: { readonly url: string; readonly contentEncoding: ContentEncoding };
}

/** The meaning of an accepted response. */
export type Verdict =
  /** The body is `range` of a file of `size` bytes. */
  | { readonly kind: "part"; readonly range: ByteRange; readonly size: number }
  /** The body is the complete file. `isSameVersion`: whether it may be the version being fetched. */
  | { readonly kind: "complete"; readonly size: number | undefined; readonly isSameVersion: boolean }
  /** The file is empty; the body is not the file. */
  | { readonly kind: "empty" };

const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Statuses about the request or its credentials. Waiting does not help, even if `Retry-After` says so. */
const LASTING_STATUS = new Set([401, 405, 407, 410, 416, 501, 505]);

/**
 * Decides whether the body of a response may be used, and what it is. Throws a `DownloadError` for every
 * response that does not fit its request; then no byte of the body may reach the file.
 */
export function checkResponse(head: ResponseHead, expected: Expectation): Verdict {
  switch (head.status) {
    case 206:
      requirePlainTransfer(head.headers);
      refuseEncoding(head, expected.file);
      return checkPart(head.headers, expected);
    case 200:
    case 203:
      requirePlainTransfer(head.headers);
      refuseEncoding(head, expected.file);
      return checkWhole(head.headers, expected);
    case 204:
    case 205:
      return checkNothing(head, expected);
    case 416:
      return checkUnsatisfied(head.headers, expected);
    default:
      throw statusError(head, expected.wallMs);
  }
}

function checkPart(headers: Headers, expected: Expectation): Verdict {
  const { range: requested, version, wallMs, saidIfRange = false } = expected;
  const isParted = /^\s*multipart\/(?:x-)?byteranges\b/i.test(headers.get("content-type") ?? "");
  if (isParted) throw new UnusableResponseError("it has several parts");
  const field = headers.get("content-range");
  const content = parseContentRange(field ?? "");
  if (content?.range === undefined) {
    throw new UnusableResponseError(
      field === null ? "it has no Content-Range" : `its Content-Range is ${quoteForeign(field)}`,
    );
  }
  const { range, size } = content;
  if (size === undefined) {
    throw new UnusableResponseError("its Content-Range does not give the size of the file");
  }
  if (requested === undefined) {
    if (range.start === 0 && range.end === size) return checkWhole(headers, expected);
    throw new UnusableResponseError("it is a part although the complete file was requested");
  }
  if (range.start !== requested.start) {
    throw new UnusableResponseError(`it covers bytes ${show(range)}, but requested were ${show(requested)}`);
  }
  const length = contentLength(headers);
  if (length !== undefined && length !== range.end - range.start) {
    throw new UnusableResponseError(`its Content-Length ${length} does not fit its Content-Range "${field}"`);
  }
  if (version !== undefined) {
    // Some servers send the size of the part, or its end, as the size of the file.
    if (size !== version.size && range.end === requested.end && (size === range.end || size === length)) {
      throw new UnusableResponseError(`its Content-Range "${field}" may give the size of the part`);
    }
    requireVersion(headers, size, expected);
    if (
      !version.isJudgedByChecksum &&
      !identifiesVersion(version.validator, validatorOf(headers, wallMs), saidIfRange)
    ) {
      throw new UnusableResponseError("it does not identify the version of the file", {
        retryable: true,
      });
    }
  }
  // The server may ignore the requested end, so limit the range here.
  return { kind: "part", range: { start: range.start, end: Math.min(range.end, requested.end) }, size };
}

function checkWhole(headers: Headers, { range: requested, version, wallMs }: Expectation): Verdict {
  const size = contentLength(headers);
  const content = parseContentRange(headers.get("content-range") ?? "");
  if (requested === undefined && content?.range !== undefined && content.size !== undefined) {
    const { start, end } = content.range;
    if (end - start !== content.size && size !== content.size) {
      throw new UnusableResponseError(`it is a part although the complete file was requested`);
    }
  }
  const isSameSize = size === undefined || version?.size === undefined || size === version.size;
  const isSameVersion = version === undefined ||
    (isSameSize && (version.isJudgedByChecksum || agree(version.validator, validatorOf(headers, wallMs))));
  return { kind: "complete", size, isSameVersion };
}

/** Two responses without content mean an empty file. */
function checkNothing(head: ResponseHead, { range, version, mayBeEmpty, wallMs }: Expectation): Verdict {
  if (range === undefined && version === undefined && mayBeEmpty) return { kind: "empty" };
  throw statusError(head, wallMs);
}

function checkUnsatisfied(headers: Headers, expected: Expectation): Verdict {
  const { range, version, wallMs } = expected;
  const size = parseContentRange(headers.get("content-range") ?? "")?.size;
  if (version === undefined && range?.start === 0 && size === 0) return { kind: "empty" };
  if (version !== undefined && size !== undefined && size > 0) requireVersion(headers, size, expected);
  throw statusError({ status: 416, headers }, wallMs);
}

function requireVersion(headers: Headers, size: number, { version, wallMs }: Expectation): void {
  if (version === undefined) return;
  const agrees = agree(version.validator, validatorOf(headers, wallMs));
  if (version.size !== undefined && size !== version.size) {
    if (agrees) throw new ContradictionError(version.size, size);
    throw remoteChanged(`it had ${version.size} bytes and has ${size} now`);
  }
  if (version.isJudgedByChecksum || agrees) return;
  throw versionChanged();
}

/** Responses name different versions. */
export function versionChanged(): RemoteChangedError {
  return remoteChanged("its ETag or date is no longer the same");
}

function remoteChanged(how: string): RemoteChangedError {
  const reason = `the file on the server changed; ${how}`;
  return new RemoteChangedError(`Cannot continue: ${reason}`, { reason });
}

/** No request asked for a coding of the transfer, and no client decodes one. */
function requirePlainTransfer(headers: Headers): void {
  const field = headers.get("transfer-encoding") ?? "";
  if (/^(?:[\s,]|chunked|identity)*$/i.test(field)) return;
  throw new UnusableResponseError(`its Transfer-Encoding is ${quoteForeign(field)}`);
}

function refuseEncoding({ headers, target }: ResponseHead, file: Expectation["file"]): void {
  if (file?.contentEncoding === "keep") return;
  const urls = [target, file].flatMap((it) => it === undefined ? [] : [it.url]);
  const coding = hidingCoding(headers, urls);
  if (coding === undefined) return;
  const remedy = { options: ["contentEncoding"], how: "set contentEncoding", after: " to keep it encoded" };
  throw new UnusableResponseError(
    `it is encoded as ${quoteForeign(coding)} although the file itself was requested`,
    file === undefined ? {} : { remedy },
  );
}

/** The error for a status that is not a success. */
export function statusError({ status, headers }: ResponseHead, wallMs: number): HttpStatusError {
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), wallMs);
  const wanted = status === 401 ? describeWanted(headers.get("www-authenticate")) : undefined;
  const meaning = wanted === undefined ? STATUS_MEANING[status] : `it requires valid credentials: ${wanted}`;
  const shown = meaning === undefined ? `${status}` : `${status} (${meaning})`;
  const reason = `the server answered ${shown}`;
  return new HttpStatusError(status, `Cannot fetch the file: ${reason}`, {
    reason,
    retryable: RETRYABLE_STATUS.has(status) ||
      (retryAfterMs !== undefined && status >= 400 && !LASTING_STATUS.has(status)),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

const STATUS_MEANING: Readonly<Record<number, string>> = {
  204: "no content",
  401: "it requires valid credentials",
  403: "access refused",
  404: "no such file",
  410: "the file is gone",
  416: "it does not have the requested bytes",
  429: "too many requests",
  500: "internal error",
  502: "bad gateway",
  503: "temporarily unavailable",
  504: "gateway timeout",
  509: "bandwidth limit exceeded",
  530: "its origin server is unreachable",
};

function show({ start, end }: ByteRange): string {
  return `${start} to ${end - 1}`;
}
