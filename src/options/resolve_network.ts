import { createPrivateKey, X509Certificate } from "node:crypto";
import { parseOverrides } from "./address_overrides.ts";
import { parseDnsServers, parseDohServers } from "./dns_servers.ts";
import { parseIp } from "../lib/ip_address.ts";
import { parseProxies } from "./proxy.ts";
import { DOWNLOADER_DEFAULTS, DOWNLOADER_RANGES, TLS_DEFAULTS } from "./defaults.ts";
import type { NetworkOptions, ProxyOptions, TlsOptions } from "./network_options.ts";
import { checkNumber, flag, mismatch, optionalText, refuseUnknown } from "./option_checks.ts";
import { OptionTypeError } from "../option_error.ts";
import type { ResolvedNetwork, ResolvedTls } from "./resolved_options.ts";

/** Finds each certificate in PEM text. `X509Certificate` reads only the first one. */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** Names of the proxy options. */
export const PROXY_NAMES = [
  "allProxy",
  "httpProxy",
  "httpsProxy",
  "noProxy",
  "proxy",
] as const satisfies readonly (keyof ProxyOptions)[];

/** Names of the network options. */
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

/** Checks the network options of a downloader and completes them. */
export function resolveNetwork(options: NetworkOptions): ResolvedNetwork {
  const number = (name: "poolMaxIdlePerHost" | "poolIdleTimeoutMs") =>
    checkNumber(name, options[name], DOWNLOADER_RANGES[name]) ?? DOWNLOADER_DEFAULTS[name];
  const enableIpv6 = flag("enableIpv6", options.enableIpv6) ?? DOWNLOADER_DEFAULTS.enableIpv6;
  const dnsServers = parseDnsServers(options.dnsServers);
  const localAddress = checkLocalAddress(options.localAddress);
  if (!enableIpv6) {
    refuseIpv6("dnsServers", dnsServers.map(({ address }) => address));
    refuseIpv6("localAddress", localAddress === undefined ? [] : [localAddress]);
  }
  return {
    proxies: parseProxies(options),
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

function refuseIpv6(option: string, addresses: readonly string[]): void {
  const value = addresses.find((address) => address.includes(":"));
  if (value === undefined) return;
  const subject = `${value} with enableIpv6 false`;
  throw new OptionTypeError({ option, subject, problem: "expected an IPv4 address", value });
}

function checkLocalAddress(value: unknown): string | undefined {
  const text = optionalText("localAddress", value);
  if (text === undefined) return undefined;
  const address = parseIp(text);
  if (address === undefined) throw mismatch("localAddress", text, "an IP address of this machine");
  return address;
}

function resolveTls(options: TlsOptions | undefined): ResolvedTls {
  if (options === undefined) return { ca: [], identity: undefined, ...TLS_DEFAULTS };
  if (typeof options !== "object" || options === null) throw mismatch("tls", options, "an object");
  refuseUnknown(options, ["ca", "cert", "key", "insecure"]);
  const { ca = [], cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    const [option, lacking] = cert === undefined ? ["tls.key", "tls.cert"] : ["tls.cert", "tls.key"];
    throw new OptionTypeError({
      option,
      subject: `${option} alone`,
      problem: `expected ${lacking} with it`,
    });
  }
  return {
    ca: (Array.isArray(ca) ? ca : [ca]).flatMap((text: unknown) => readCertificates("tls.ca", text)),
    identity: cert === undefined || key === undefined ? undefined : checkIdentity(cert, key),
    insecure: flag("tls.insecure", options.insecure) ?? TLS_DEFAULTS.insecure,
  };
}

function checkIdentity(cert: string, key: string): ResolvedTls["identity"] {
  readCertificates("tls.cert", cert);
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    throw refused("tls.key", "it is not a private key in PEM text that is not encrypted");
  }
  if (!isPair) throw refused("tls.key", "it belongs to another certificate than tls.cert");
  return { cert, key };
}

/** Splits PEM text into its certificates, and checks each. */
function readCertificates(option: string, text: unknown): string[] {
  if (typeof text !== "string") throw mismatch(option, text, "PEM text");
  const certificates = text.match(CERTIFICATES) ?? [text];
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch {
    throw refused(
      option,
      "it is not a certificate; expected PEM text, which begins with -----BEGIN CERTIFICATE-----",
    );
  }
  return certificates;
}

function refused(option: string, problem: string): OptionTypeError {
  return new OptionTypeError({ option, problem });
}
