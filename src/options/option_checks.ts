import { basicField } from "../auth/basic.ts";
import { toCredentials } from "../auth/credentials.ts";
import { redact } from "../redact.ts";

/** The range and the default of an option that is a number. */
export interface NumberRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** Fields that follow from what is asked for and over which connection; a caller's would contradict them. */
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

/** Takes user name and password out of a URL and makes an `Authorization` field of them. */
export function parseUrl(value: unknown): { url: string; authorization: string | undefined } {
  if (typeof value !== "string" && !(value instanceof URL)) throw mismatch("url", value, "a string or a URL");
  const url = URL.parse(value);
  if (url === null) {
    throw new TypeError(
      `Cannot use the URL${
        showBrokenUrl(value)
      }: it does not parse; expected one such as https://example.com/file`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot use a URL with the scheme "${url.protocol}": expected http: or https:`);
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (username === "" && password === "") return { url: url.href, authorization: undefined };
  return {
    url: url.href,
    authorization: basicAuthorization(decodeUserinfo(username), decodeUserinfo(password)),
  };
}

/** The `Authorization` field of a user (RFC 7617, in UTF-8). */
export function basicAuthorization(username: unknown, password: unknown): string {
  // Neither is shown, whichever is wrong.
  if (typeof username !== "string" || typeof password !== "string") {
    throw new TypeError("Cannot use username and password: expected strings");
  }
  if (username.includes(":") || /\p{Cc}/u.test(username + password)) {
    throw new TypeError(
      "Cannot use username and password: the first must have no colon, and neither a control character",
    );
  }
  return basicField(toCredentials(username, password));
}

/** Where a URL has no parts, a user name or a query can only be guessed. */
function showBrokenUrl(value: string | URL): string {
  const text = String(value);
  return text.includes("@") ? "" : ` ${JSON.stringify(text.replace(/[?#].*/s, ""))}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("Cannot use the URL: its user name or password is not percent-encoded correctly");
  }
}

/** Joins header fields, later ones in place of earlier ones. */
export function parseHeaders(...sources: readonly (HeadersInit | undefined)[]): Headers {
  const headers = new Headers();
  for (const source of sources) {
    if (source === undefined) continue;
    const fields = toHeaders(source);
    // The runtime's own error may show the value.
    if (fields === undefined) {
      throw new TypeError("Cannot use headers: a name or a value is not allowed in HTTP");
    }
    for (const [name, value] of fields) {
      if (OWN_HEADERS.includes(name)) {
        throw new TypeError(`Cannot use the header "${name}": each request gets its own; leave it out`);
      }
      headers.set(name, value);
    }
  }
  return headers;
}

/**
 * Fields as they are sent, or `undefined` when one cannot be: values that are text in UTF-8, as curl and others send it,
 * and those that are bytes already as they are.
 */
export function toHeaders(source: HeadersInit): Headers | undefined {
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

/** A value is made of bytes, which stand for themselves as characters. */
function inUtf8(value: string): string {
  const bytes = new TextEncoder().encode(`${value}`);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A whole number within a range, or its default. */
export function checkNumber(name: string, value: unknown, rule: NumberRule): number {
  if (value === undefined) return rule.default;
  if (typeof value !== "number") throw mismatch(name, value, "a number");
  const whole = Number.isSafeInteger(value) || (value === Infinity && rule.max === Infinity);
  if (!whole || value < rule.min || value > rule.max) {
    throw new RangeError(
      `Cannot use ${name} ${value}: expected a whole number from ${rule.min} to ${rule.max}`,
    );
  }
  return value;
}

/** A text that is not empty. */
export function text(name: string, value: unknown): string {
  if (typeof value !== "string") throw mismatch(name, value, "a string");
  if (value === "") throw new TypeError(`Cannot use ${name} "": it is empty`);
  if (value.includes("\0")) throw new TypeError(`Cannot use ${name}: it has a zero byte in it`);
  return value;
}

/** As `text`, unless there is none. */
export function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(name, value);
}

/** A function, unless there is none. */
export function optionalFunction<T>(name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function") throw mismatch(name, value, "a function");
  return value;
}

/** `true` or `false`. */
export function flag(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== "boolean") throw mismatch(name, value, "true or false");
  return value;
}

/** One of a few words. */
export function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  otherwise: T,
  choices: readonly T[],
): T {
  if (value === undefined) return otherwise;
  if (!choices.includes(value)) throw mismatch(name, value, choices.map((it) => `"${it}"`).join(" or "));
  return value;
}

/** An `AbortSignal`, unless there is none. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw mismatch("signal", value, "an AbortSignal");
  }
  return value;
}

/** An error for a value of the wrong kind. */
export function mismatch(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(`Cannot use ${name} ${show(value)}: expected ${expected}`);
}

/** What is in a URL may be secret, and an object or a list may have one in it. */
function show(value: unknown): string {
  if (typeof value === "string") {
    return /[@?#]/.test(value) ? redact(JSON.stringify(value)) : JSON.stringify(value);
  }
  if (Array.isArray(value)) return "[a list]";
  const isPlain = value === null || (typeof value !== "object" && typeof value !== "function");
  return isPlain ? String(value) : `[${typeof value}]`;
}

/** A misspelt option would otherwise be none at all. */
export function refuseUnknown(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new TypeError(`Cannot use the option "${name}": there is none; known are ${known.join(", ")}`);
    }
  }
}

/** Options given as `undefined` are not given. */
export function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
