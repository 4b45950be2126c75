import { basicField } from "../auth/basic.ts";
import { toCredentials } from "../auth/credentials.ts";
import { OptionRangeError, OptionTypeError } from "../option_error.ts";
import { closestWord } from "../lib/closest_word.ts";
import { redact } from "../redact.ts";
import type { NumberRange } from "./defaults.ts";

/** Checks a URL. Removes its fragment, user name and password, and makes an `Authorization` field of the last two. */
export function parseUrl(
  value: unknown,
  option = "url",
): { url: string; authorization: string | undefined } {
  if (typeof value !== "string" && !(value instanceof URL)) {
    throw mismatch(option, value, "a string or a URL");
  }
  const url = URL.parse(value);
  if (url === null) {
    const shown = showBrokenUrl(value);
    throw new OptionTypeError({
      option,
      subject: shown === undefined ? "the URL" : `the URL ${JSON.stringify(shown)}`,
      problem: "it does not parse; expected one such as https://example.com/file",
      value: shown,
    });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new OptionTypeError({
      option,
      subject: `a URL with the scheme "${url.protocol}"`,
      problem: "expected http: or https:",
    });
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (username === "" && password === "") return { url: url.href, authorization: undefined };
  const name = decodeUserinfo(username, option);
  return { url: url.href, authorization: basicAuthorization(name, decodeUserinfo(password, option)) };
}

/** Makes the `Authorization` field of a user (RFC 7617, in UTF-8). Errors show neither the name nor the password. */
export function basicAuthorization(username: unknown, password: unknown): string {
  const refused = (problem: string): OptionTypeError =>
    new OptionTypeError({ option: "username", subject: "username and password", problem });
  if (typeof username !== "string" || typeof password !== "string") throw refused("expected strings");
  if (username.includes(":") || /\p{Cc}/u.test(username + password)) {
    throw refused("the user name must have no colon, and neither may have a control character");
  }
  return basicField(toCredentials(username, password));
}

/**
 * The text of an unparsable URL for an error, or `undefined` if it may contain credentials. The query and fragment
 * are removed.
 */
function showBrokenUrl(value: string | URL): string | undefined {
  const text = String(value);
  return text.includes("@") || hasLoosePassword(text) ? undefined : text.replace(/[?#].*/s, "");
}

/** Whether a text may be a URL whose password lacks its "@": `http://user:password:80/` has more than a host and a port. */
export function hasLoosePassword(text: string): boolean {
  if (text.includes("@")) return false;
  const [, authority = ""] = /^(?:[a-z][a-z\d+.-]*:\/\/)?([^/]*)/i.exec(text) ?? [];
  return authority.replace(/\[[^\]]*\]/g, "").split(":").length > 2;
}

function decodeUserinfo(text: string, option: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OptionTypeError({
      option,
      subject: "the URL",
      problem: "its user name or password is not percent-encoded correctly",
    });
  }
}

/** Checks an integer and its range. `undefined` is accepted, as by the other checks of optional values. */
export function checkNumber(name: string, value: unknown, { min, max }: NumberRange): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw mismatch(name, value, "a number");
  const isWhole = Number.isSafeInteger(value) || (value === Infinity && max === Infinity);
  if (!isWhole || value < min || value > max) {
    const problem = `expected a whole number from ${min} to ${max}`;
    throw new OptionRangeError({ option: name, subject: `${name} ${value}`, problem, value });
  }
  return value;
}

/** Checks a text, which must not be empty. */
export function text(name: string, value: unknown): string {
  if (typeof value !== "string") throw mismatch(name, value, "a string");
  if (value === "") {
    throw new OptionTypeError({ option: name, subject: `${name} ""`, problem: "it is empty", value });
  }
  if (value.includes("\0")) {
    throw new OptionTypeError({ option: name, problem: "it has a zero byte in it" });
  }
  return value;
}

export function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(name, value);
}

export function optionalFunction<T>(name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function") throw mismatch(name, value, "a function");
  return value;
}

export function flag(name: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") throw mismatch(name, value, "true or false");
  return value;
}

export function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  choices: readonly T[],
): T | undefined {
  if (value === undefined || choices.includes(value)) return value;
  throw mismatch(name, value, choices.map((it) => `"${it}"`).join(" or "));
}

export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw mismatch("signal", value, "an AbortSignal");
  }
  return value;
}

/** A longer text is not repeated in a message. */
const MOST_SHOWN_CHARACTERS = 200;

/** An error for a value of the wrong kind; `name` is what the message calls it. */
export function mismatch(option: string, value: unknown, expected: string, name = option): OptionTypeError {
  const subject = `${name} ${show(value)}`;
  return new OptionTypeError({
    option,
    subject,
    problem: `expected ${expected}`,
    value: withoutSecret(value),
  });
}

/**
 * The text of a value for a message. Objects and lists are not shown, and URLs are redacted, because they may contain
 * secrets.
 */
function show(value: unknown): string {
  if (typeof value === "string") {
    if (isLongOrBroken(value)) return "[a text]";
    return mayBeSecret(value) ? redact(JSON.stringify(value)) : JSON.stringify(value);
  }
  if (Array.isArray(value)) return "[a list]";
  return isPlain(value) ? String(value) : `[${typeof value}]`;
}

function withoutSecret(value: unknown): unknown {
  return isPlain(value) && !(typeof value === "string" && mayBeSecret(value)) ? value : undefined;
}

function isPlain(value: unknown): boolean {
  return value === null || (typeof value !== "object" && typeof value !== "function");
}

function mayBeSecret(text: string): boolean {
  return /[@?#]/.test(text) || isLongOrBroken(text);
}

/** No option that a message repeats is like that, but a key is, or the text of a cookie file. */
function isLongOrBroken(text: string): boolean {
  return text.length > MOST_SHOWN_CHARACTERS || /[\r\n][^]|-----BEGIN/.test(text);
}

/**
 * Throws for an unknown option, because a misspelt one would have no effect. `what` is the name of `options` in
 * messages.
 */
export function refuseUnknown(options: object, known: readonly string[], what = "options"): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw mismatch(what, options, "an object");
  }
  const unknown = namesOf(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = closestWord(unknown, known);
  const fault = { option: unknown, subject: `the option "${unknown}"` };
  const problem = "there is no such option";
  if (near === undefined) {
    throw new OptionTypeError({ ...fault, problem: `${problem}; known are ${known.join(", ")}` });
  }
  const remedy = { before: "did you mean ", options: [near], how: near, after: "?" };
  throw new OptionTypeError({ ...fault, problem, remedy });
}

/** Names of an object's own and inherited properties. Fields and accessors of a class count, its methods do not. */
function namesOf(options: object): string[] {
  const names = Object.keys(options);
  let level: unknown = Object.getPrototypeOf(options);
  while (typeof level === "object" && level !== null && !Object.hasOwn(level, "hasOwnProperty")) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value !== "function") names.push(name);
    }
    level = Object.getPrototypeOf(level);
  }
  return names;
}
