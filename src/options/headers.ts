import { OptionTypeError } from "../option_error.ts";

/** Fields that depend on the request and its connection. The caller's own would contradict them. */
const OWN_HEADERS: readonly string[] = [
  "range",
  "if-range",
  "accept-encoding",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "upgrade",
  "te",
  "expect",
  "host",
];

/** Checks the caller's fields, and returns them as they are sent. */
export function parseHeaders(source: HeadersInit | undefined): Headers {
  if (source === undefined) return new Headers();
  const headers = toHeaders(source);
  // The runtime's own error may show the value, which may be a secret.
  if (headers === undefined) {
    throw new OptionTypeError({ option: "headers", problem: "a name or a value is not allowed in HTTP" });
  }
  const own = OWN_HEADERS.find((name) => headers.has(name));
  if (own === undefined) return headers;
  throw new OptionTypeError({
    option: "headers",
    subject: `the header "${own}"`,
    problem: "each request gets its own; leave it out",
    value: own,
  });
}

/** Joins two sets of fields. A field of `over` replaces the one of the same name in `base`. */
export function joinHeaders(base: Headers, over: Headers): Headers {
  const joined = new Headers(base);
  for (const [name, value] of over) joined.set(name, value);
  return joined;
}

/**
 * Returns fields as they are sent, or `undefined` when one is not allowed. Text values become UTF-8, as with curl.
 * The values of a `Headers` object are bytes already and stay as they are.
 */
function toHeaders(source: HeadersInit): Headers | undefined {
  try {
    const headers = new Headers(source instanceof Headers ? source : encodeFields(source));
    // deno-lint-ignore no-control-regex -- characters that HTTP fields may not contain
    const isBroken = [...headers.values()].some((value) => /[\x00-\x08\x0a-\x1f\x7f]/.test(value));
    return isBroken ? undefined : headers;
  } catch {
    return undefined;
  }
}

function encodeFields(source: Exclude<HeadersInit, Headers>): [name: string, value: string][] {
  const fields: Iterable<Iterable<string>> = Symbol.iterator in source ? source : Object.entries(source);
  return Array.from(fields, (field) => {
    const [name, value, ...more] = field;
    if (typeof field === "string" || name === undefined || value === undefined || more.length > 0) {
      throw new TypeError("it is not a pair");
    }
    return [name, inUtf8(value)];
  });
}

/** Encodes a value in UTF-8. The result has one character for each byte. */
function inUtf8(value: string): string {
  const bytes = new TextEncoder().encode(`${value}`);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
