import { quoteForeign } from "../../lib/foreign_text.ts";
import { UnusableResponseError } from "../unusable_response.ts";
import { parseCount } from "./range.ts";

/**
 * The `Content-Length` of a response. With `Transfer-Encoding` the field is ignored (RFC 9112, section 6.3).
 * A malformed field, or several different ones, make the response unusable.
 */
export function contentLength(headers: Headers): number | undefined {
  const field = headers.get("content-length");
  if (field === null || headers.has("transfer-encoding")) return undefined;
  const values = new Set(field.split(",").map((value) => value.trim()));
  const length = parseCount([...values][0]!);
  if (values.size !== 1 || length === undefined) {
    throw new UnusableResponseError(`its Content-Length is ${quoteForeign(field)}`);
  }
  return length;
}

/** The three forms of a date (RFC 9110, section 5.6.7). Runtimes accept far more forms. */
const HTTP_DATE =
  /^[A-Z][a-z]+(?:, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]{8} GMT| [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;

/**
 * `Retry-After`, which is seconds or a date, in milliseconds from now (RFC 9110, section 10.2.3). A date in
 * the past is 0; a malformed field is `undefined`.
 */
export function parseRetryAfter(field: string | null, wallMs: number): number | undefined {
  if (field === null) return undefined;
  const text = field.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  const date = parseHttpDate(text);
  return date === undefined ? undefined : Math.max(0, date - wallMs);
}

/** A date in milliseconds since 1970; `undefined` when the field is not a date (RFC 9110, section 5.6.7). */
export function parseHttpDate(field: string): number | undefined {
  const text = field.trim();
  // The last form is in GMT without saying so, and would be read as local time.
  const date = HTTP_DATE.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : NaN;
  return Number.isNaN(date) ? undefined : date;
}
