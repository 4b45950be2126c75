import { OptionTypeError } from "../option_error.ts";

/** Fields that each request sets itself, from its range and its connection. A caller's value would contradict them. */
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

/** The caller's fields as they are sent. */
export function parseHeaders(source: HeadersInit | undefined): Headers {
  if (source === undefined) return new Headers();
  const headers = toHeaders(source);
  // The runtime's own error may show a secret value.
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

/** The fields of both. A field of `over` replaces one of `base` with the same name. */
export function joinHeaders(base: Headers, over: Headers): Headers {
  const joined = new Headers(base);
  for (const [name, value] of over) joined.set(name, value);
  return joined;
}

/**
 * The fields as they are sent, or `undefined` when one of them is not allowed. Text is encoded in UTF-8, as curl
 * does it. The values of a `Headers` object are bytes already and stay as they are.
 */
function toHeaders(source: HeadersInit): Headers | undefined {
  try {
    const headers = new Headers(source instanceof Headers ? source : encodeFields(source));
    // deno-lint-ignore no-control-regex -- what no field of HTTP may hold
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
      throw new TypeError("it is no pair");
    }
    return [name, inUtf8(value)];
  });
}

/** A field value is a string with one character for each byte. */
function inUtf8(value: string): string {
  const bytes = new TextEncoder().encode(`${value}`);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
