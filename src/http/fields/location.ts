import type { HttpResponse } from "../../runtime/runtime.ts";
import { DownloadError } from "../../errors.ts";
import { quoteForeign } from "../../lib/foreign_text.ts";

/** The target of a request. */
export interface Target {
  readonly url: string;
  /** Whether the caller's fields are sent: only if every redirect so far stayed on the caller's origin. */
  readonly isTrusted: boolean;
  /** Whether a redirect so far led from https: to http:. */
  readonly isDowngraded?: true;
}

/** The target of a redirect. Throws when the redirect is not followed. */
export function nextTarget(from: Target, { status, headers }: HttpResponse, allowDowngrade: boolean): Target {
  const location = headers.get("location");
  if (location === null) throw refused(`the server answered ${status} without a Location`);
  const current = new URL(from.url);
  const next = resolveLocation(location, current);
  if (next === null) throw refused("the server redirected to a URL that does not parse");
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw refused(
      `the server redirected to a ${quoteForeign(next.protocol)} URL; only http: and https: are followed`,
    );
  }
  const isDowngrade = current.protocol === "https:" && next.protocol === "http:";
  if (isDowngrade && !allowDowngrade) {
    throw refused("the server redirected from https: to http:, which is followed only when allowed");
  }
  next.username = "";
  next.password = "";
  next.hash = "";
  return {
    url: next.href,
    isTrusted: from.isTrusted && next.origin === current.origin,
    ...((isDowngrade || from.isDowngraded) && { isDowngraded: true }),
  };
}

/** An error about a redirect. */
export function refused(reason: string): DownloadError {
  return new DownloadError("redirect", `Cannot fetch the file: ${reason}`, { reason });
}

/** Reads a `Location` as curl does; `null` when it is not a URL. Its characters are the sent bytes. */
function resolveLocation(field: string, base: URL): URL | null {
  return URL.parse(escapeBytes(oneOf(field.trim())), base);
}

/**
 * Runtimes join fields of one name with a comma. Equal URLs count once; of different URLs the first counts.
 */
function oneOf(field: string): string {
  for (let copies = 2; copies <= MAX_COPIES; copies++) {
    const length = (field.length - JOINT.length * (copies - 1)) / copies;
    if (!Number.isInteger(length) || length <= 0) continue;
    const first = field.slice(0, length);
    if (field === Array(copies).fill(first).join(JOINT)) return first;
  }
  const next = field.search(/, https?:\/\//i);
  return next > 0 && /^https?:\/\//i.test(field) ? field.slice(0, next) : field;
}

const JOINT = ", ";
const MAX_COPIES = 4;

/**
 * Percent-encodes bytes beyond ASCII, in whatever encoding they are. It also encodes a backslash in the path,
 * which the URL parser would change to a slash. Encoded bytes are unchanged.
 */
function escapeBytes(location: string): string {
  const escaped = location.replace(/[^\0-\x7f]/gu, encodeByte);
  const query = escaped.search(/[?#]/);
  const path = query < 0 ? escaped : escaped.slice(0, query);
  return path.replaceAll("\\", "%5C") + escaped.slice(path.length);
}

function encodeByte(character: string): string {
  const code = character.codePointAt(0)!;
  return code > 0xff ? encodeURIComponent(character) : `%${code.toString(16).toUpperCase()}`;
}
