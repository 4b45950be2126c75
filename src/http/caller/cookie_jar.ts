import type { Cookie } from "../../options/resolved_options.ts";
import { toByteString } from "../../auth/byte_string.ts";
import { hostOf, parseSetCookie } from "./set_cookie.ts";

/** Largest number of cookies from one response, and of stored cookies. */
const MAX_SET_BY_ONE = 50;
const MAX_SET = 300;
/** Largest size of the server cookies in one field. Servers accept about half of it. */
const MAX_FIELD_LENGTH = 16 * 1024;

/**
 * The cookies of one download, in memory only: those of the caller, and those that servers set during the
 * download. Each is sent only where its scope allows (RFC 6265).
 */
export class CookieJar {
  #given: readonly Cookie[];
  /** Cookies that servers set, oldest first. */
  #set: readonly Cookie[] = [];

  constructor(given: readonly Cookie[]) {
    this.#given = given.map((cookie) => ({
      ...cookie,
      name: toByteString(cookie.name),
      value: toByteString(cookie.value),
    }));
  }

  /** Stores the cookies of a response from `url`; `fields` are its `Set-Cookie` fields. */
  store(url: URL, fields: readonly string[], wallMs: number): void {
    for (const field of fields.slice(0, MAX_SET_BY_ONE)) {
      const cookie = parseSetCookie(field, url, wallMs);
      if (cookie !== undefined && !this.#isProtected(cookie, url)) this.#put(cookie, wallMs);
    }
  }

  /**
   * The `Cookie` field for a URL; `undefined` without a cookie for it. The caller's own field, `own`,
   * replaces the caller's cookies. It comes first; cookies of servers with other names follow.
   */
  fieldFor(url: URL, wallMs: number, own?: string): string | undefined {
    const names = new Set(own?.split(";").map((pair) => pair.replace(/=.*/s, "").trim()));
    const cookies = own === undefined ? [...this.#given, ...this.#set] : this.#set;
    let field = own ?? "";
    for (const { name, value } of cookiesFor(url, cookies, wallMs)) {
      const longer = `${field}${field === "" ? "" : "; "}${name}=${value}`;
      if (!names.has(name) && longer.length <= MAX_FIELD_LENGTH) field = longer;
    }
    return field === "" ? undefined : field;
  }

  #put(cookie: Cookie, wallMs: number): void {
    const isOther = (it: Cookie) =>
      it.name !== cookie.name || it.domain !== cookie.domain || it.path !== cookie.path;
    this.#given = this.#given.filter(isOther);
    const at = this.#set.findIndex((it) => !isOther(it));
    if (cookie.expiresMs <= wallMs) this.#set = this.#set.filter(isOther);
    else if (at >= 0) this.#set = this.#set.with(at, cookie);
    else this.#set = [...this.#set, cookie].slice(-MAX_SET);
  }

  /** A secure cookie is not replaced over http:. */
  #isProtected({ name, path }: Cookie, url: URL): boolean {
    if (url.protocol === "https:") return false;
    return [...this.#given, ...this.#set].some((it) =>
      it.isSecure && it.name === name && isForHost(it, hostOf(url)) && isForPath(it, path)
    );
  }
}

/** The cookies for a URL, those with the longest path first. */
function cookiesFor(url: URL, cookies: readonly Cookie[], wallMs: number): Cookie[] {
  return cookies
    .filter((it) => it.expiresMs > wallMs && (!it.isSecure || url.protocol === "https:"))
    .filter((it) => isForHost(it, hostOf(url)) && isForPath(it, url.pathname))
    .sort((a, b) => b.path.length - a.path.length);
}

function isForHost({ domain, includesSubdomains }: Cookie, host: string): boolean {
  return host === domain || (includesSubdomains && host.endsWith(`.${domain}`));
}

function isForPath({ path: own }: Cookie, path: string): boolean {
  return path === own || path.startsWith(own.endsWith("/") ? own : `${own}/`);
}
