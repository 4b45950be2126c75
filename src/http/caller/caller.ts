import type { HttpResponse } from "../../runtime/runtime.ts";
import { basicCredentials, basicField } from "../../auth/basic.ts";
import { type Credentials, toCredentials } from "../../auth/credentials.ts";
import { DigestLogin } from "../../auth/digest_auth.ts";
import type { Cookie, NetrcEntry } from "../../options/resolved_options.ts";
import { CookieJar } from "./cookie_jar.ts";
import type { Target } from "../fields/location.ts";
import { findNetrcEntry } from "../../options/netrc.ts";

/** Fields and credentials that the caller gave for servers. */
export interface CallerFields {
  /** Only for the caller's origin. */
  readonly headers: Headers;
  /** For the hosts that they name. */
  readonly cookies: readonly Cookie[];
  /** For the hosts that they name; the default entry is only for the host of the caller's URL. */
  readonly netrc: readonly NetrcEntry[];
}

/** The caller in all requests of one download: its fields, credentials and cookies for each server. */
export class Caller {
  readonly #fields: CallerFields;
  readonly #url: string;
  readonly #jar: CookieJar;
  /** Digest logins by origin and user. */
  readonly #logins = new Map<string, DigestLogin>();

  /** `url` is the caller's URL. */
  constructor(fields: CallerFields, url: string, jar: CookieJar = new CookieJar(fields.cookies)) {
    this.#fields = fields;
    this.#url = url;
    this.#jar = jar;
  }

  /** The fields for a request. */
  fieldsFor(target: Target, wallMs: number): Headers {
    const url = new URL(target.url);
    const headers = new Headers(target.isTrusted ? this.#fields.headers : undefined);
    const cookies = this.#jar.fieldFor(url, wallMs, headers.get("cookie") ?? undefined);
    if (cookies !== undefined) headers.set("cookie", cookies);
    const credentials = this.#credentialsFor(target);
    if (credentials === undefined) return headers;
    const digest = this.#loginAt(url, credentials).fieldFor("GET", target.url.slice(url.origin.length));
    if (digest !== undefined) headers.set("authorization", digest);
    else if (!headers.has("authorization")) headers.set("authorization", basicField(credentials));
    return headers;
  }

  /**
   * Stores the cookies and the next nonce of a response. `sent` is the `Authorization` field of its request.
   */
  learn(target: Target, { status, headers }: HttpResponse, sent: string | null, wallMs: number): void {
    const url = new URL(target.url);
    this.#jar.store(url, headers.getSetCookie(), wallMs);
    const credentials = this.#credentialsFor(target);
    if (credentials === undefined || status === 401) return;
    this.#loginAt(url, credentials).accept(sent, headers.get("authentication-info"));
  }

  /** Whether the same request may succeed with new credentials, after a server refused it. */
  canAnswer(target: Target, { headers }: HttpResponse, sent: string | null): boolean {
    const credentials = this.#credentialsFor(target);
    if (credentials === undefined) return false;
    return this.#loginAt(new URL(target.url), credentials).takeUp(headers.get("www-authenticate"), sent);
  }

  /** The same caller with other headers and the same cookies. */
  withHeaders(headers: Headers): Caller {
    return new Caller({ ...this.#fields, headers }, this.#url, this.#jar);
  }

  /**
   * Credentials for an origin have priority over netrc users. A netrc user is not sent after a redirect from
   * https: to http:.
   */
  #credentialsFor({ url, isTrusted, isDowngraded }: Target): Credentials | undefined {
    const own = isTrusted ? this.#fields.headers.get("authorization") : null;
    if (own !== null) return basicCredentials(own);
    const { hostname, protocol } = new URL(url);
    if (isDowngraded && protocol === "http:") return undefined;
    const isOwn = isTrusted && hostname === new URL(this.#url).hostname;
    const entry = findNetrcEntry(this.#fields.netrc, hostname, isOwn);
    if (entry === undefined || entry.login + entry.password === "") return undefined;
    return toCredentials(entry.login, entry.password);
  }

  #loginAt({ origin }: URL, credentials: Credentials): DigestLogin {
    const key = JSON.stringify([origin, credentials]);
    const login = this.#logins.get(key) ?? new DigestLogin(credentials);
    this.#logins.set(key, login);
    return login;
  }
}
