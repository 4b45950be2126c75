import { DownloadError } from "../errors.ts";
import type { Validator } from "../types.ts";
import { parseCount } from "./range.ts";

/** What identifies the version that a response belongs to. */
export function validatorOf(headers: Headers): Validator {
  return {
    etag: headers.get("etag") ?? undefined,
    lastModified: headers.get("last-modified") ?? undefined,
  };
}

/**
 * The value for `If-Range` (RFC 9110, section 13.1.5), or `undefined` when nothing the server sent can
 * prove that two responses belong to one version.
 */
export function strongValidator({ etag, lastModified }: Validator): string | undefined {
  return etag !== undefined && isStrong(etag) ? etag : lastModified;
}

/**
 * Whether a part names its version as the file did before. A part must carry the ETag that the whole has;
 * only the date may be left out, and only in the answer to `If-Range` (RFC 9110, section 15.3.7).
 */
export function tellsVersion(known: Validator, seen: Validator, saidIfRange: boolean): boolean {
  if (known.etag !== undefined && isStrong(known.etag)) return seen.etag !== undefined;
  return saidIfRange || known.lastModified === undefined || seen.lastModified !== undefined;
}

function isStrong(etag: string): boolean {
  return !etag.startsWith("W/");
}

/** Whether two responses may belong to one version. What either does not tell cannot speak against it. */
export function agree(a: Validator, b: Validator): boolean {
  if (a.etag !== undefined && b.etag !== undefined) {
    if (opaqueTag(a.etag) !== opaqueTag(b.etag)) return false;
    if (isStrong(a.etag) && isStrong(b.etag)) return true;
  }
  if (a.lastModified === undefined || b.lastModified === undefined) return true;
  return a.lastModified === b.lastModified;
}

function opaqueTag(etag: string): string {
  return etag.replace(/^W\//, "");
}

/**
 * The length of the body that follows. Beside `Transfer-Encoding` the field means nothing (RFC 9112,
 * section 6.3); a malformed one, or several that differ, make the response unusable.
 */
export function contentLength(headers: Headers): number | undefined {
  const field = headers.get("content-length");
  if (field === null || headers.has("transfer-encoding")) return undefined;
  const values = new Set(field.split(",").map((value) => value.trim()));
  const length = parseCount([...values][0]!);
  if (values.size !== 1 || length === undefined) {
    throw new DownloadError("bad_response", `Cannot use the response: its Content-Length is "${field}"`);
  }
  return length;
}

/** The three forms that a date may have (RFC 9110, section 5.6.7); runtimes read far more than that. */
const HTTP_DATE =
  /^[A-Z][a-z]+(?:, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]{8} GMT| [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;

/**
 * `Retry-After` in milliseconds from now (RFC 9110, section 10.2.3): seconds, or a date. A date in the past
 * is 0; rubbish is `undefined`.
 */
export function parseRetryAfter(field: string | null, wallMs: number): number | undefined {
  if (field === null) return undefined;
  const text = field.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  // The last form does not say that it is in GMT, and would be taken for local time.
  const date = HTTP_DATE.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}
