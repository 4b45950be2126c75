import type { HttpClient, HttpResponse } from "../runtime/runtime.ts";
import type { Caller } from "./caller/caller.ts";
import { nextTarget, refused, type Target } from "./fields/location.ts";

const MAX_REDIRECTS = 10;
/** Statuses that are redirects even without a Location; a missing Location is then an error. */
const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308]);
/** How often one request answers challenges. A nonce may expire several times in a row. */
const MAX_ANSWERS = 3;

/** A request that may be redirected. */
export interface RedirectableRequest {
  readonly target: Target;
  /** Headers that bytehaul itself sends to every server. */
  readonly ownHeaders: Headers;
  readonly caller: Caller;
  /** Whether redirects from https: to http: are followed. */
  readonly allowDowngrade: boolean;
  /** Milliseconds since 1970, for the expiry of cookies. */
  readonly wallMs: number;
  readonly signal: AbortSignal;
}

/** Follows redirects. Returns the first response that is not a redirect, and its target. */
export async function getFollowing(
  client: HttpClient,
  request: RedirectableRequest,
): Promise<{ response: HttpResponse; target: Target }> {
  let target = request.target;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await getAnswering(client, request, target);
    if (!isRedirect(response)) return { response, target };
    await response.body?.cancel();
    target = nextTarget(target, response, request.allowDowngrade);
  }
  throw refused(`it was redirected more than ${MAX_REDIRECTS} times`);
}

/** Repeats the request if a server wants another kind of credentials, and the caller has them. */
async function getAnswering(
  client: HttpClient,
  { caller, ownHeaders, wallMs, signal }: RedirectableRequest,
  target: Target,
): Promise<HttpResponse> {
  for (let answers = 0;; answers++) {
    const headers = caller.fieldsFor(target, wallMs);
    for (const [name, value] of ownHeaders) if (!headers.has(name)) headers.set(name, value);
    const response = await client.get(target.url, { headers, signal });
    const sent = headers.get("authorization");
    caller.learn(target, response, sent, wallMs);
    const isFinal = response.status !== 401 || answers === MAX_ANSWERS;
    if (isFinal || !caller.canAnswer(target, response, sent)) return response;
    await response.body?.cancel();
  }
}

/** With a Location every 3xx status but 304 is a redirect, as in curl. 304 is the result of a condition. */
function isRedirect({ status, headers }: HttpResponse): boolean {
  if (REDIRECT_STATUS.has(status)) return true;
  return status >= 300 && status < 400 && status !== 304 && headers.has("location");
}
