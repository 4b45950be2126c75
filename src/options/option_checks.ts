import { basicField } from "../auth/basic.ts";
import { toCredentials } from "../auth/credentials.ts";
import { OptionRangeError, OptionTypeError } from "../option_error.ts";
import { redact } from "../redact.ts";
import type { NumberRange } from "./defaults.ts";

/** Takes user name and password out of a URL and makes an `Authorization` field of them. */
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

/** The `Authorization` field of a user (RFC 7617, in UTF-8). Neither text is shown, whichever is wrong. */
export function basicAuthorization(username: unknown, password: unknown): string {
  const refused = (problem: string): OptionTypeError =>
    new OptionTypeError({ option: "username", subject: "username and password", problem });
  if (typeof username !== "string" || typeof password !== "string") throw refused("expected strings");
  if (username.includes(":") || /\p{Cc}/u.test(username + password)) {
    throw refused("the first must have no colon, and neither a control character");
  }
  return basicField(toCredentials(username, password));
}

/** Where a URL has no parts, a user name or a query can only be guessed. */
function showBrokenUrl(value: string | URL): string | undefined {
  const text = String(value);
  return text.includes("@") ? undefined : text.replace(/[?#].*/s, "");
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

/** A whole number within a range, unless there is none. */
export function checkNumber(name: string, value: unknown, { min, max }: NumberRange): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw mismatch(name, value, "a number");
  const whole = Number.isSafeInteger(value) || (value === Infinity && max === Infinity);
  if (!whole || value < min || value > max) {
    const problem = `expected a whole number from ${min} to ${max}`;
    throw new OptionRangeError({ option: name, subject: `${name} ${value}`, problem, value });
  }
  return value;
}

/** A text that is not empty. */
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

/** As `text`, unless there is none. */
export function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(name, value);
}

/** A function, unless there is none. */
export function optionalFunction<T>(name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function") throw mismatch(name, value, "a function");
  return value;
}

/** `true` or `false`, unless there is none. */
export function flag(name: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") throw mismatch(name, value, "true or false");
  return value;
}

/** One of a few words, unless there is none. */
export function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  choices: readonly T[],
): T | undefined {
  if (value === undefined || choices.includes(value)) return value;
  throw mismatch(name, value, choices.map((it) => `"${it}"`).join(" or "));
}

/** An `AbortSignal`, unless there is none. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw mismatch("signal", value, "an AbortSignal");
  }
  return value;
}

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

/** What is in a URL may be secret, and an object or a list may have one in it. */
function show(value: unknown): string {
  if (typeof value === "string") {
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
  return /[@?#]/.test(text);
}

/** A misspelt option would otherwise have no effect. `what` is the name of `options` in messages. */
export function refuseUnknown(options: object, known: readonly string[], what = "options"): void {
  if (typeof options !== "object" || options === null) throw mismatch(what, options, "an object");
  const unknown = namesOf(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new OptionTypeError({
    option: unknown,
    subject: `the option "${unknown}"`,
    problem: `there is none; known are ${known.join(", ")}`,
  });
}

/** Names of what an object has and inherits. Of a class that is its fields and accessors, not its methods. */
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
