import { mismatch } from "./option_checks.ts";
import { parseIp } from "../lib/ip_address.ts";

const ANY_HOST = "*";
const MAX_PORT = 65_535;

/** Addresses to use instead of a look-up, by `host:port`. */
export type AddressOverrides = ReadonlyMap<string, readonly string[]>;

/**
 * Checks the option `resolve`: an object from `host:port` to one IP address or several. The host `*` means every
 * host.
 */
export function parseOverrides(value: unknown): AddressOverrides {
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw mismatch("resolve", value, 'an object such as { "example.com:443": "192.0.2.1" }');
  }
  return new Map(
    Object.entries(value).map(([place, addresses]) => [parsePlace(place), parseAddresses(place, addresses)]),
  );
}

/** The addresses set for a host and a port, if any. An entry for the host itself takes precedence over `*`. */
export function overridesFor(
  overrides: AddressOverrides,
  host: string,
  port: number,
): readonly string[] | undefined {
  return overrides.get(`${host}:${port}`) ?? overrides.get(`${ANY_HOST}:${port}`);
}

function parsePlace(place: string): string {
  const [, host = "", port = ""] = /^([^:]+):(\d{1,5})$/.exec(place) ?? [];
  // A URL has its host in lower case and in ASCII.
  const name = host === ANY_HOST ? host : URL.parse(`http://${host}/`)?.hostname.replace(/\.$/, "");
  const isNumbered = Number(port) > 0 && Number(port) <= MAX_PORT;
  if (
    name === undefined || name === "" || /[/?#@\\]/.test(host) || parseIp(name) !== undefined || !isNumbered
  ) {
    const expected = 'a host name and a port, such as "example.com:443" or "*:443"';
    throw mismatch("resolve", place, expected, "resolve entry");
  }
  return `${name}:${Number(port)}`;
}

function parseAddresses(place: string, value: unknown): readonly string[] {
  const refused = (given: unknown) =>
    mismatch("resolve", given, "an IP address or a list of them", `resolve["${place}"]`);
  const addresses: unknown[] = Array.isArray(value) ? value : [value];
  if (addresses.length === 0) throw refused("");
  return addresses.map((address) => {
    const ip = typeof address === "string" ? parseIp(address.replace(/^\[(.*:.*)\]$/, "$1")) : undefined;
    if (ip === undefined) throw refused(address);
    return ip;
  });
}
