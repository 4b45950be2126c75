import { DownloadError } from "../errors.ts";
import { withoutBrackets } from "../lib/ip_address.ts";
import type { ProxyOptions } from "./network_options.ts";
import { OptionTypeError } from "../option_error.ts";
import { hasLoosePassword, mismatch, text as nonEmptyText } from "./option_checks.ts";
import type { Proxies, ProxyRules, ProxyServer, UnusableProxy } from "./resolved_options.ts";
import { bypassesProxy } from "./no_proxy.ts";

const PROTOCOLS: Readonly<Record<string, ProxyServer["protocol"]>> = {
  http: "http",
  https: "https",
  socks: "socks5",
  socks5: "socks5",
  socks5h: "socks5h",
};
/** The default port that curl uses for `https://` proxies. */
const HTTPS_PROXY_PORT = 443;
const OTHER_PROXY_PORT = 1080;
/** SOCKS5 writes the length of a text in one byte (RFC 1928 and 1929). */
const MAX_SOCKS_TEXT_BYTES = 255;

/** A level without proxy options. */
export const NO_PROXIES: Proxies = {
  isOff: false,
  all: undefined,
  http: undefined,
  https: undefined,
  noProxy: undefined,
};

/** Checks the proxy options of one level, and takes missing ones from `base`. */
export function parseProxies(options: ProxyOptions, base: Proxies = NO_PROXIES): Proxies {
  const { proxy } = options;
  // The value may be a proxy with a password, so the error shows only its type.
  if (proxy !== undefined && proxy !== false) {
    const subject = `proxy "${typeof proxy}"`;
    throw new OptionTypeError({
      option: "proxy",
      subject,
      problem: "expected false; allProxy names a proxy",
    });
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
 * Joins the proxy options of several levels, such as the spec, the downloader and the environment, the highest first.
 * Returns `undefined` when no level names or disables a proxy. The first level that does decides. Levels below are
 * ignored, including their `noProxy`, because that list is for other proxies. The `noProxy` of a higher level
 * replaces that of the deciding level.
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

/** Whether a level has a proxy for at least some URLs. */
export function namesProxy({ all, http, https }: Proxies): boolean {
  return (all ?? http ?? https) !== undefined;
}

/**
 * Reads the proxies from environment variables. A name in lower case takes precedence over the same name in upper
 * case. An empty variable counts as not set. Environment variables are for other programs, too, so an unusable proxy
 * only fails the URLs that would go through it.
 */
export function proxiesFrom(environment: (name: string) => string | undefined): Proxies {
  const read = (name: string): string | undefined =>
    environment(name) || environment(name.toUpperCase()) || undefined;
  // In a CGI program, HTTP_PROXY contains the request's "Proxy" header, which any client can set.
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
 * Returns the proxy for a URL, or `undefined` for a direct connection. Throws a `DownloadError` for an unusable
 * proxy.
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
 * Parses `[scheme://][user:password@]host[:port]`. As with curl, the default scheme is `http://`, and the default
 * port is 443 for `https://` and 1080 for all others. A missing user or password becomes an empty text.
 */
export function parseProxy(text: string, option = "allProxy"): ProxyServer {
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const shown = hasLoosePassword(text) ? undefined : redact(text);
  const refused = (problem: string): OptionTypeError => {
    const subject = shown === undefined ? "the proxy" : `the proxy "${shown}"`;
    return new OptionTypeError({ option, subject, problem, value: shown });
  };
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
  // `URL` drops a port that is the default of its scheme, so a second scheme is tried.
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

/** Removes the credentials. Also removes text after `?` or `#`, which may be the rest of a password. */
function redact(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, "$1***@").replace(/[?#].*$/s, "");
}

function checkNoProxy(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw mismatch("noProxy", value, "a string");
}

/** Whether a text is too long for SOCKS5. */
export function isTooLongForSocks(text: string): boolean {
  return new TextEncoder().encode(text).length > MAX_SOCKS_TEXT_BYTES;
}
