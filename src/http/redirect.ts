import { DownloadError } from "../errors.ts";
import type { Cookie } from "../resolved_options.ts";
import type { HttpClient } from "../runtime/runtime.ts";
import { cookieField } from "./cookies.ts";

const MAX_REDIRECTS = 10;
const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308]);

/** Where a request goes. */
export interface Target {
  readonly url: string;
  /** Whether the caller's fields go along: only while every step stayed on the caller's origin. */
  readonly isTrusted: boolean;
}

/** What the caller's origin is told, and no other. */
export interface CallerFields {
  readonly headers: Headers;
  readonly cookies: readonly Cookie[];
}

/** A request that may be redirected. */
export interface RedirectableRequest {
  readonly target: Target;
  /** Sent everywhere. */
  readonly ownHeaders: Headers;
  readonly caller: CallerFields;
  /** Whether a step from https: to http: is taken. */
  readonly allowDowngrade: boolean;
  /** Milliseconds since 1970, for cookies that expire. */
  readonly wallMs: number;
  readonly signal: AbortSignal;
}

/** The response that is no redirect, and where it came from. */
export async function getFollowing(
  client: HttpClient,
  request: RedirectableRequest,
): Promise<{ response: Response; target: Target }> {
  let target = request.target;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const headers = target.isTrusted ? fieldsFor(target.url, request) : new Headers();
    for (const [name, value] of request.ownHeaders) if (!headers.has(name)) headers.set(name, value);
    const isRedirected = redirects > 0;
    const response = await client.get(target.url, { headers, signal: request.signal, isRedirected });
    if (!REDIRECT_STATUS.has(response.status)) return { response, target };
    await response.body?.cancel();
    target = nextTarget(target, response, request.allowDowngrade);
  }
  throw refused(`it was redirected more than ${MAX_REDIRECTS} times`);
}

function fieldsFor(url: string, { caller, wallMs }: RedirectableRequest): Headers {
  const headers = new Headers(caller.headers);
  const cookies = cookieField(caller.cookies, new URL(url), wallMs);
  if (cookies !== undefined && !headers.has("cookie")) headers.set("cookie", cookies);
  return headers;
}

function nextTarget(from: Target, response: Response, allowDowngrade: boolean): Target {
  const location = response.headers.get("location");
  if (location === null) throw refused(`the server answered ${response.status} without a Location`);
  const current = new URL(from.url);
  const next = URL.parse(location, current);
  if (next === null) throw refused("the server redirected to a URL that does not parse");
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw refused(`the server redirected to a "${next.protocol}" URL; only http: and https: are followed`);
  }
  if (current.protocol === "https:" && next.protocol === "http:" && !allowDowngrade) {
    throw refused("the server redirected from https: to http:, which is followed only when allowed");
  }
  next.username = "";
  next.password = "";
  next.hash = "";
  return { url: next.href, isTrusted: from.isTrusted && next.origin === current.origin };
}

function refused(reason: string): DownloadError {
  return new DownloadError("redirect", `Cannot fetch the file: ${reason}`);
}
