import { isWithin, parseIp, withoutBrackets } from "../lib/ip_address.ts";

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };
const ANY_HOST = "*";

/**
 * Whether a `no_proxy` list excepts a URL. Commas or spaces separate the entries, as in curl. `*` means every host.
 * `example.com` and `.example.com` mean that host and its subdomains, `*.example.com` only its subdomains. An
 * address matches in any of its forms. `10.0.0.0/8` and `10.*` are networks. Each entry but a network with a slash
 * may name a port.
 */
export function bypassesProxy(url: URL, noProxy: string): boolean {
  const host = plainHost(url.hostname);
  const port = url.port || DEFAULT_PORTS[url.protocol];
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === ANY_HOST) return true;
    if (entry.includes("/")) return isWithin(host, entry);
    const wanted = splitPort(entry);
    return (wanted.port === undefined || wanted.port === port) && matches(host, plainHost(wanted.host));
  });
}

function matches(host: string, wanted: string): boolean {
  if (wanted === ANY_HOST) return true;
  if (/^[\d.*]+$/.test(wanted) && wanted.includes("*")) return isAddressLike(host, wanted);
  // An address has no subdomains.
  const isName = parseIp(host) === undefined;
  if (wanted.startsWith("*.")) return isName && wanted.length > 2 && host.endsWith(wanted.slice(1));
  const domain = wanted.replace(/^\./, "");
  if (domain === "") return false;
  return host === domain || (isName && host.endsWith(`.${domain}`));
}

/** Whether an IPv4 address equals a pattern or starts with it. Each `*` of the pattern stands for a number. */
function isAddressLike(host: string, pattern: string): boolean {
  if (parseIp(host) === undefined) return false;
  const numbers = host.split(".");
  const wanted = pattern.split(".");
  const isLongEnough = wanted.length === 4 || (wanted.length < 4 && wanted.at(-1) === "*");
  return numbers.length === 4 && isLongEnough &&
    wanted.every((number, index) => number === "*" || number === numbers[index]);
}

/**
 * The form in which hosts are compared: an address in its usual form without brackets, a name in lower case without
 * a dot at its end.
 */
function plainHost(host: string): string {
  const bare = withoutBrackets(host);
  return parseIp(bare) ?? bare.toLowerCase().replace(/\.$/, "");
}

function splitPort(entry: string): { readonly host: string; readonly port: string | undefined } {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  return host === undefined ? { host: entry, port: undefined } : { host, port };
}
