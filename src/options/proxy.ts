import { DownloadError } from "../errors.ts";
import { withoutBrackets } from "../lib/ip_address.ts";
import type { ProxyOptions } from "./network_options.ts";
import { mismatch, text as nonEmptyText, withoutUndefined } from "./option_checks.ts";
import type { ProxyRules, ProxyServer, UnusableProxy } from "./resolved_options.ts";
import { bypassesProxy } from "./no_proxy.ts";

const PROTOCOLS: Readonly<Record<string, ProxyServer["protocol"]>> = {
  http: "http",
  https: "https",
  socks: "socks5",
  socks5: "socks5",
  socks5h: "socks5h",
};
/** As curl has it. */
const HTTPS_PROXY_PORT = 443;
const OTHER_PROXY_PORT = 1080;
/** The length of a text takes one byte (RFC 1928 and 1929). */
const MAX_SOCKS_TEXT_BYTES = 255;

/**
 * Checks and joins what levels such as the spec, the downloader and the environment say, the highest first;
 * `undefined` where none says anything about a proxy. The first that does (with `proxy`, `allProxy`, `httpProxy`
 * or `httpsProxy`) decides alone: what lies below it counts for nothing, its list of exceptions included, since
 * that was made for other proxies. A level that has nothing but `noProxy` makes exceptions to the proxies below.
 */
export function parseProxyRules(...levels: readonly ProxyOptions[]): ProxyRules | undefined {
  return joinLevels(levels, parseProxy);
}

/**
 * As {@linkcode parseProxyRules}, with what the environment says below `levels`. It is made for other programs as well:
 * a proxy in it that cannot be used matters only to the URLs that would go through it.
 */
export function proxyRulesWithin(
  environment: ProxyOptions,
  ...levels: readonly ProxyOptions[]
): ProxyRules | undefined {
  return joinLevels([...levels, environment], (text, level) => {
    try {
      return parseProxy(text);
    } catch (error) {
      if (!(error instanceof TypeError && level === environment)) throw error;
      return { problem: error.message };
    }
  });
}

function joinLevels(
  levels: readonly ProxyOptions[],
  parseText: (text: string, level: ProxyOptions) => ProxyServer | UnusableProxy,
): ProxyRules | undefined {
  const lists = levels.map(({ noProxy }) => checkNoProxy(noProxy));
  const deciding = levels.findIndex(({ proxy, allProxy, httpProxy, httpsProxy }) =>
    [proxy, allProxy, httpProxy, httpsProxy].some((value) => value !== undefined)
  );
  const level = levels[deciding];
  if (level === undefined) return undefined;
  const noProxy = lists.slice(0, deciding + 1).find((list) => list !== undefined) ?? "";
  if (level.proxy === false) return { http: undefined, https: undefined, noProxy };
  // It may be a proxy with a password.
  if (level.proxy !== undefined) throw mismatch("proxy", typeof level.proxy, "false; allProxy names a proxy");
  const parse = (name: "allProxy" | "httpProxy" | "httpsProxy"): ProxyServer | UnusableProxy | undefined =>
    level[name] === undefined ? undefined : parseText(nonEmptyText(name, level[name]), level);
  const all = parse("allProxy");
  return { http: parse("httpProxy") ?? all, https: parse("httpsProxy") ?? all, noProxy };
}

/**
 * What the environment says. The names in lower case go before those in upper case, and an empty variable is
 * one that is not set.
 */
export function proxyOptionsFrom(environment: (name: string) => string | undefined): ProxyOptions {
  const read = (name: string): string | undefined =>
    environment(name) || environment(name.toUpperCase()) || undefined;
  // In a CGI program HTTP_PROXY is the "Proxy" header of whoever sent the request.
  const isCgi = environment("REQUEST_METHOD") !== undefined;
  return withoutUndefined({
    allProxy: read("all_proxy"),
    httpProxy: isCgi ? environment("http_proxy") || undefined : read("http_proxy"),
    httpsProxy: read("https_proxy"),
    noProxy: read("no_proxy"),
  });
}

/** The proxy for a URL, or `undefined` where it is to be reached directly. A `DownloadError` where it is unusable. */
export function chooseProxy(url: URL, rules: ProxyRules | undefined): ProxyServer | undefined {
  const server = url.protocol === "https:" ? rules?.https : rules?.http;
  if (server === undefined || bypassesProxy(url, rules!.noProxy)) return undefined;
  if ("problem" in server) {
    throw new DownloadError("proxy", `${server.problem} (it is named by the environment)`);
  }
  return server;
}

/**
 * Reads `[scheme://][user:password@]host[:port]`. As with curl, no scheme means `http://`, and no port means 443
 * for `https://` and 1080 for all others. A user or a password that is not given is empty.
 */
export function parseProxy(text: string): ProxyServer {
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const refused = (reason: string): TypeError =>
    new TypeError(`Cannot use the proxy "${redact(text)}": ${reason}`);
  const protocol = Object.hasOwn(PROTOCOLS, scheme.toLowerCase())
    ? PROTOCOLS[scheme.toLowerCase()]
    : undefined;
  if (protocol === undefined) {
    const isOldSocks = /^socks4a?$/i.test(scheme);
    throw refused(
      isOldSocks
        ? "SOCKS4 has no IPv6 and no passwords, and is not supported; use socks5:// or socks5h://"
        : `there is no kind of proxy "${scheme}"; use http://, https://, socks5:// or socks5h://`,
    );
  }
  // Each of these schemes hides the port that is its own default.
  const url = URL.parse(`http://${rest}`);
  const port = url?.port || URL.parse(`https://${rest}`)?.port;
  if (url === null || port === "0") {
    throw refused("expected a host and perhaps a port, such as http://proxy.example:8080");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refused(
      'nothing may follow host and port; write "/", "?" and "#" in a password as %2F, %3F and %23',
    );
  }
  let username: string;
  let password: string;
  try {
    [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch {
    throw refused('its user name or password is not percent-encoded correctly; write "%" as %25');
  }
  if (protocol.startsWith("socks") && [username, password].some(isTooLongForSocks)) {
    throw refused("SOCKS5 has no user names and passwords of more than 255 bytes");
  }
  return {
    protocol,
    host: withoutBrackets(url.hostname),
    port: port ? Number(port) : protocol === "https" ? HTTPS_PROXY_PORT : OTHER_PROXY_PORT,
    username,
    password,
  };
}

/** Without credentials, and without what may be the rest of a password that has special characters in it. */
function redact(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, "$1***@").replace(/[?#].*$/s, "");
}

function checkNoProxy(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw mismatch("noProxy", value, "a string");
}

/** Whether SOCKS cannot carry a text of this length. */
export function isTooLongForSocks(text: string): boolean {
  return new TextEncoder().encode(text).length > MAX_SOCKS_TEXT_BYTES;
}
