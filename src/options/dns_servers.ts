import { OptionTypeError } from "../option_error.ts";
import { mismatch } from "./option_checks.ts";
import type { Endpoint } from "../runtime/runtime.ts";
import { parseIp } from "../lib/ip_address.ts";

const DNS_PORT = 53;
const MAX_PORT = 65_535;

/** Checks the option `dnsServers`: IP addresses, with or without a port. */
export function parseDnsServers(values: unknown): Endpoint[] {
  return listOfTexts("dnsServers", values).map(parseDnsServer);
}

/** Checks the option `dohServers`: `https:` URLs (RFC 8484). */
export function parseDohServers(values: unknown): string[] {
  return listOfTexts("dohServers", values).map(parseDohServer);
}

function parseDnsServer(text: string): Endpoint {
  const withPort = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  const address = parseIp(withPort?.[1] ?? withPort?.[2] ?? text);
  const port = Number(withPort?.[3] ?? DNS_PORT);
  const isBracketedIpv4 = withPort?.[1]?.includes(":") === false;
  if (address === undefined || isBracketedIpv4 || port === 0 || port > MAX_PORT) {
    throw mismatch(
      "dnsServers",
      text,
      "an IP address with or without a port, such as 1.1.1.1, 8.8.8.8:53 or [2606:4700:4700::1111]:53",
      "dnsServers entry",
    );
  }
  return { address, port };
}

function parseDohServer(text: string): string {
  const url = URL.parse(text);
  // Parts of the URL may be secret, so a message shows only its scheme or its host.
  if (url === null) throw refused("it does not parse");
  if (url.protocol !== "https:") throw refused(`its scheme is "${url.protocol}"`);
  if (url.username !== "" || url.password !== "") {
    throw refused(`the one at ${url.host} has a user name or a password in it`);
  }
  url.hash = "";
  return url.href;
}

function refused(reason: string): OptionTypeError {
  return new OptionTypeError({
    option: "dohServers",
    subject: "a dohServers entry",
    problem: `${reason}; expected a URL such as https://dns.example/dns-query`,
  });
}

function listOfTexts(name: string, values: unknown): string[] {
  if (values === undefined) return [];
  if (!Array.isArray(values)) throw mismatch(name, values, "a list of strings");
  return values.map((value: unknown) => {
    if (typeof value !== "string") throw mismatch(name, value, "a string", `${name} entry`);
    return value;
  });
}
