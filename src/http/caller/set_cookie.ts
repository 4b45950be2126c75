import type { Cookie } from "../../options/resolved_options.ts";

/** A longer name and value are ignored, as in browsers. */
const MAX_PAIR_LENGTH = 4096;
const MAX_ATTRIBUTE_LENGTH = 1024;

/**
 * Reads a `Set-Cookie` field of `url` (RFC 6265, section 5); `undefined` when the field is to be ignored. An
 * expired cookie removes the cookie that it replaces.
 */
export function parseSetCookie(field: string, url: URL, wallMs: number): Cookie | undefined {
  const [pair = "", ...rest] = field.split(";");
  const [name, value] = splitPair(pair);
  if (name === "" || value === undefined || name.length + value.length > MAX_PAIR_LENGTH) return undefined;
  // deno-lint-ignore no-control-regex -- what no field of HTTP may hold
  if (/[\0-\x1f\x7f]/.test(name + value)) return undefined;
  const attributes = attributesIn(rest);
  const scope = scopeOf(hostOf(url), attributes.get("domain"));
  if (scope === undefined) return undefined;
  const given = attributes.get("path") ?? "";
  const cookie = {
    ...{ name, value, ...scope },
    path: given.startsWith("/") ? given : defaultPath(url.pathname),
    isSecure: attributes.has("secure"),
    expiresMs: expiryOf(attributes, wallMs),
  };
  if (cookie.isSecure && url.protocol !== "https:") return undefined;
  return keepsPrefix(cookie) ? cookie : undefined;
}

/** The host of a URL in the form of cookies. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/\.$/, "");
}

/** Splits `NAME=VALUE`; the value is `undefined` without an equals sign. */
function splitPair(text: string): readonly [name: string, value: string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0
    ? [text.trim(), undefined]
    : [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}

/** The attributes by name; the last one of a name counts. */
function attributesIn(parts: readonly string[]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const part of parts) {
    const [name, value = ""] = splitPair(part);
    if (value.length <= MAX_ATTRIBUTE_LENGTH) attributes.set(name.toLowerCase(), value);
  }
  return attributes;
}

/**
 * The scope of a cookie. A cookie for an address, or for a name without a dot, is only for exactly that host.
 */
function scopeOf(
  host: string,
  given: string | undefined,
): Pick<Cookie, "domain" | "includesSubdomains"> | undefined {
  const domain = (given ?? "").replace(/^\./, "").toLowerCase();
  const isAlone = host.startsWith("[") || /^[\d.]+$/.test(host) || !domain.includes(".");
  if (domain === "" || (domain === host && isAlone)) return { domain: host, includesSubdomains: false };
  if (isAlone || (domain !== host && !host.endsWith(`.${domain}`))) return undefined;
  return { domain, includesSubdomains: true };
}

function defaultPath(pathname: string): string {
  return pathname.slice(0, pathname.lastIndexOf("/")) || "/";
}

function expiryOf(attributes: ReadonlyMap<string, string>, wallMs: number): number {
  const maxAge = attributes.get("max-age") ?? "";
  if (/^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0 ? -Infinity : wallMs + Number(maxAge) * 1000;
  return parseDate(attributes.get("expires") ?? "") ?? Infinity;
}

/** Whether the cookie satisfies the rules of its name prefix (`__Secure-`, `__Host-`). */
function keepsPrefix({ name, isSecure, includesSubdomains, path }: Cookie): boolean {
  if (/^__Secure-/i.test(name)) return isSecure;
  return !/^__Host-/i.test(name) || (isSecure && !includesSubdomains && path === "/");
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Milliseconds since 1970 of a date in any usual form (RFC 6265, section 5.1.1). */
function parseDate(text: string): number | undefined {
  let time: readonly number[] | undefined;
  let day: number | undefined;
  let month: number | undefined;
  let year: number | undefined;
  for (const word of text.split(/[\t -/;-@[-`{-~]+/)) {
    const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)/.exec(word);
    const number = /^\d{1,4}(?!\d)/.exec(word)?.[0];
    const monthIndex = MONTHS.indexOf(word.slice(0, 3).toLowerCase());
    if (time === undefined && clock !== null) time = clock.slice(1).map(Number);
    else if (day === undefined && number !== undefined && number.length <= 2) day = Number(number);
    else if (month === undefined && monthIndex >= 0) month = monthIndex;
    else if (year === undefined && number !== undefined && number.length >= 2) year = Number(number);
  }
  if (time === undefined || day === undefined || month === undefined || year === undefined) return undefined;
  if (year < 100) year += year < 70 ? 2000 : 1900;
  const [hours = 0, minutes = 0, seconds = 0] = time;
  if (year < 1601 || day < 1 || day > 31 || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return Date.UTC(year, month, day, hours, minutes, seconds);
}
