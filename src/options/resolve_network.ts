import { createPrivateKey, X509Certificate } from "node:crypto";
import { parseOverrides } from "./address_overrides.ts";
import { parseDnsServers, parseDohServers } from "./dns_servers.ts";
import { parseIp } from "../lib/ip_address.ts";
import { parseProxyRules } from "./proxy.ts";
import type { NetworkOptions, ProxyOptions, TlsOptions } from "./network_options.ts";
import {
  checkNumber,
  flag,
  mismatch,
  type NumberRule,
  optionalText,
  refuseUnknown,
} from "./option_checks.ts";
import type { ResolvedNetwork, ResolvedTls } from "./resolved_options.ts";

/** One after the other in PEM text; of several, `X509Certificate` reads the first. */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** The range of the network options that are numbers. */
const NETWORK_NUMBERS = {
  poolMaxIdlePerHost: { default: 256, min: 0, max: 100_000 },
  poolIdleTimeoutMs: { default: 90_000, min: 1, max: 2 ** 31 - 1 },
} as const satisfies Partial<Record<keyof NetworkOptions, NumberRule>>;

/** The options that say which proxies are used. */
export const PROXY_NAMES = [
  "allProxy",
  "httpProxy",
  "httpsProxy",
  "noProxy",
  "proxy",
] as const satisfies readonly (keyof ProxyOptions)[];

/** The options that say how servers are reached. */
export const NETWORK_NAMES = [
  ...PROXY_NAMES,
  "dnsServers",
  "dohServers",
  "resolve",
  "enableIpv6",
  "localAddress",
  "tls",
  "poolMaxIdlePerHost",
  "poolIdleTimeoutMs",
] as const satisfies readonly (keyof NetworkOptions)[];

/** Checks the network options of a downloader and fills their gaps. */
export function resolveNetwork(options: NetworkOptions): ResolvedNetwork {
  const number = (name: keyof typeof NETWORK_NUMBERS) =>
    checkNumber(name, options[name], NETWORK_NUMBERS[name]);
  const enableIpv6 = flag("enableIpv6", options.enableIpv6, true);
  const dnsServers = parseDnsServers(options.dnsServers);
  const localAddress = checkLocalAddress(options.localAddress);
  const ipv6 = [...dnsServers.map(({ address }) => address), localAddress].find((it) => it?.includes(":"));
  if (!enableIpv6 && ipv6 !== undefined) {
    throw new TypeError(`Cannot use ${ipv6} with enableIpv6 false: expected an IPv4 address`);
  }
  return {
    proxies: checkProxies(options),
    dnsServers,
    dohServers: parseDohServers(options.dohServers),
    overrides: parseOverrides(options.resolve),
    enableIpv6,
    localAddress,
    tls: resolveTls(options.tls),
    poolMaxIdlePerHost: number("poolMaxIdlePerHost"),
    poolIdleTimeoutMs: number("poolIdleTimeoutMs"),
  };
}

/** The proxy options among others, judged and not yet joined with those of other levels. */
export function checkProxies(options: ProxyOptions): ProxyOptions {
  parseProxyRules(options);
  const given = PROXY_NAMES.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}

function checkLocalAddress(value: unknown): string | undefined {
  const text = optionalText("localAddress", value);
  if (text === undefined) return undefined;
  const address = parseIp(text);
  if (address === undefined) throw mismatch("localAddress", text, "an IP address of this machine");
  return address;
}

function resolveTls(options: TlsOptions | undefined): ResolvedTls {
  if (options === undefined) return { ca: [], identity: undefined, insecure: false };
  if (typeof options !== "object" || options === null) throw mismatch("tls", options, "an object");
  refuseUnknown(options, ["ca", "cert", "key", "insecure"]);
  const { ca = [], cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    const [given, lacking] = cert === undefined ? ["tls.key", "tls.cert"] : ["tls.cert", "tls.key"];
    throw new TypeError(`Cannot use ${given} alone: expected ${lacking} with it`);
  }
  return {
    ca: (Array.isArray(ca) ? ca : [ca]).map((text: unknown) => checkCertificate("tls.ca", text)),
    identity: cert === undefined || key === undefined ? undefined : checkIdentity(cert, key),
    insecure: flag("tls.insecure", options.insecure, false),
  };
}

function checkIdentity(cert: string, key: string): ResolvedTls["identity"] {
  checkCertificate("tls.cert", cert);
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new TypeError("Cannot use tls.key: it is no private key in PEM text that is not encrypted");
  }
  if (!isPair) throw new TypeError("Cannot use tls.key: it belongs to another certificate than tls.cert");
  return { cert, key };
}

function checkCertificate(name: string, text: unknown): string {
  if (typeof text !== "string") throw mismatch(name, text, "PEM text");
  try {
    for (const certificate of text.match(CERTIFICATES) ?? [text]) new X509Certificate(certificate);
  } catch {
    throw new TypeError(
      `Cannot use ${name}: it is no certificate; expected PEM text, which begins with -----BEGIN CERTIFICATE-----`,
    );
  }
  return text;
}
