import type { HttpClient } from "../runtime/runtime.ts";
import type { Caller } from "./caller/caller.ts";
import { nextTarget, refused, type Target } from "./fields/location.ts";

const MAX_REDIRECTS = 10;
/** Redirects even without a Location, which then is missing. */
const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308]);
/** How often one request answers challenges; a nonce may be used up more than once in a row. */
const MAX_ANSWERS = 3;

/** A request that may be redirected. */
export interface RedirectableRequest {
  readonly target: Target;
  /** Sent everywhere. */
  readonly ownHeaders: Headers;
  readonly caller: Caller;
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
    const response = await getAnswering(client, request, target, redirects > 0);
    if (!isRedirect(response)) return { response, target };
    await response.body?.cancel();
    target = nextTarget(target, response, request.allowDowngrade);
  }
  throw refused(`it was redirected more than ${MAX_REDIRECTS} times`);
}

/** Repeats a request where the server wants other credentials than it got, and the caller has some. */
async function getAnswering(
  client: HttpClient,
  { caller, ownHeaders, wallMs, signal }: RedirectableRequest,
  target: Target,
  isRedirected: boolean,
): Promise<Response> {
  for (let answers = 0;; answers++) {
    const headers = caller.fieldsFor(target, wallMs);
    for (const [name, value] of ownHeaders) if (!headers.has(name)) headers.set(name, value);
    const response = await client.get(target.url, { headers, signal, isRedirected });
    const sent = headers.get("authorization");
    caller.learn(target, response, sent, wallMs);
    const isFinal = response.status !== 401 || answers === MAX_ANSWERS;
    if (isFinal || !caller.canAnswer(target, response, sent)) return response;
    await response.body?.cancel();
  }
}

/** A Location makes a redirect of every status of that class, as in curl, but of 304, which tells of a condition. */
function isRedirect({ status, headers }: Response): boolean {
  if (REDIRECT_STATUS.has(status)) return true;
  return status >= 300 && status < 400 && status !== 304 && headers.has("location");
}
