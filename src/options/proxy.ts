import { DownloadError } from "../errors.ts";
import { withoutBrackets } from "../lib/ip_address.ts";
import type { ProxyOptions } from "./network_options.ts";
import { OptionTypeError } from "../option_error.ts";
import { mismatch, text as nonEmptyText } from "./option_checks.ts";
import type { Proxies, ProxyRules, ProxyServer, UnusableProxy } from "./resolved_options.ts";
import { bypassesProxy } from "./no_proxy.ts";

const PROTOCOLS: Readonly<Record<string, ProxyServer["protocol"]>> = {
  http: "http",
  https: "https",
  socks: "socks5",
  socks5: "socks5",
  socks5h: "socks5h",
};
/** The same as in curl. */
const HTTPS_PROXY_PORT = 443;
const OTHER_PROXY_PORT = 1080;
/** SOCKS sends the length of a text in one byte (RFC 1928 and 1929). */
const MAX_SOCKS_TEXT_BYTES = 255;

/** No option about proxies is given. */
export const NO_PROXIES: Proxies = {
  isOff: false,
  all: undefined,
  http: undefined,
  https: undefined,
  noProxy: undefined,
};

/** Checks the proxy options of one level. An option that is not given is taken from `base`. */
export function parseProxies(options: ProxyOptions, base: Proxies = NO_PROXIES): Proxies {
  const { proxy } = options;
  // The value is not shown: it may be a proxy with a password.
  if (proxy !== undefined && proxy !== false) {
    throw mismatch("proxy", typeof proxy, "false; allProxy names a proxy");
  }
  const noProxy = checkNoProxy(options.noProxy) ?? base.noProxy;
  if (proxy === false) return { ...base, isOff: true, noProxy };
  const parse = (name: "allProxy" | "httpProxy" | "httpsProxy"): ProxyServer | undefined =>
    options[name] === undefined ? undefined : parseProxy(nonEmptyText(name, options[name]), name);
  return {
    isOff: base.isOff,
    all: parse("allProxy") ?? base.all,
    http: parse("httpProxy") ?? base.http,
    https: parse("httpsProxy") ?? base.https,
    noProxy,
  };
}

/**
 * Joins the proxies of levels such as the spec, the downloader and the environment, the highest first. Returns
 * `undefined` where no level names a proxy or turns proxies off. The highest level that does so decides: the levels
 * below do not count. Their exceptions do not count either, because they were made for other proxies. A level that
 * has only `noProxy` adds exceptions to the proxies of the levels below.
 */
export function joinProxies(...levels: readonly Proxies[]): ProxyRules | undefined {
  const deciding = levels.findIndex((level) => level.isOff || namesProxy(level));
  const level = levels[deciding];
  if (level === undefined) return undefined;
  const lists = levels.slice(0, deciding + 1).map(({ noProxy }) => noProxy);
  const noProxy = lists.find((list) => list !== undefined) ?? "";
  if (level.isOff) return { http: undefined, https: undefined, noProxy };
  return { http: level.http ?? level.all, https: level.https ?? level.all, noProxy };
}

/** Whether a level has a proxy for some URLs. */
export function namesProxy({ all, http, https }: Proxies): boolean {
  return (all ?? http ?? https) !== undefined;
}

/**
 * The proxies of the environment. Names in lower case take precedence over names in upper case. An empty variable
 * counts as not set. The environment is made for other programs, too, so an unusable proxy in it is an error only
 * for URLs that would go through it.
 */
export function proxiesFrom(environment: (name: string) => string | undefined): Proxies {
  const read = (name: string): string | undefined =>
    environment(name) || environment(name.toUpperCase()) || undefined;
  // In a CGI program HTTP_PROXY is the "Proxy" header of the request, so any client can set it.
  const isCgi = environment("REQUEST_METHOD") !== undefined;
  return {
    isOff: false,
    all: parseForeign(read("all_proxy"), "allProxy"),
    http: parseForeign(isCgi ? environment("http_proxy") || undefined : read("http_proxy"), "httpProxy"),
    https: parseForeign(read("https_proxy"), "httpsProxy"),
    noProxy: read("no_proxy"),
  };
}

function parseForeign(
  text: string | undefined,
  option: string,
): ProxyServer | UnusableProxy | undefined {
  if (text === undefined) return undefined;
  try {
    return parseProxy(text, option);
  } catch (error) {
    if (!(error instanceof OptionTypeError)) throw error;
    return { problem: error.message };
  }
}

/**
 * The proxy for a URL, or `undefined` for a direct connection. Throws a `DownloadError` where the proxy is unusable.
 */
export function chooseProxy(url: URL, rules: ProxyRules | undefined): ProxyServer | undefined {
  const server = url.protocol === "https:" ? rules?.https : rules?.http;
  if (server === undefined || bypassesProxy(url, rules!.noProxy)) return undefined;
  if ("problem" in server) {
    throw new DownloadError("proxy", `${server.problem} (it is named by the environment)`);
  }
  return server;
}

/**
 * Parses `[scheme://][user:password@]host[:port]`. As in curl, no scheme means `http://`, and no port means 443 for
 * `https://` and 1080 for all others. A missing user or password is empty.
 */
export function parseProxy(text: string, option = "allProxy"): ProxyServer {
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const shown = redact(text);
  const refused = (problem: string): OptionTypeError =>
    new OptionTypeError({ option, subject: `the proxy "${shown}"`, problem, value: shown });
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
  // The URL parser drops a port that is the scheme's default.
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

/** Removes credentials, and text that may be the rest of a password with special characters. */
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
