import { PermissionError } from "../../errors.ts";
import type { Network } from "../../runtime/runtime.ts";
import { type AddressOverrides, overridesFor } from "../../options/address_overrides.ts";
import { DnsCache, type FoundAddresses } from "./dns_cache.ts";
import { DnsClient, type DnsClientOptions, NXDOMAIN } from "./dns_client.ts";
import { dnsError } from "./dns_error.ts";
import type { AddressType } from "./dns_message.ts";
import { isIpv6, parseIp, withoutBrackets } from "../../lib/ip_address.ts";
import { unlessAborted } from "../../lib/waiting.ts";
import { errorCode } from "../../lib/error_code.ts";

/** Sources of addresses. Without `dohServers` and `servers` the system looks names up. */
export interface ResolverOptions extends DnsClientOptions {
  readonly network: Pick<Network, "connect" | "exchange" | "lookup">;
  /** Addresses that replace look-ups. */
  readonly overrides: AddressOverrides;
  /** With `"ipv4"` no IPv6 address is queried or returned. */
  readonly families: "all" | "ipv4";
}

/**
 * Longest wait for the second family after the first has answered. So a network that drops queries for IPv6
 * addresses does not delay an IPv4 connection (RFC 8305, section 3).
 */
const OTHER_FAMILY_WAIT_MS = 250;

/** RFC 6761, section 6.3: these names are this machine, and are never sent to a server. */
const LOOPBACK_NAME = /^(?:.*\.)?localhost$/;
const LOOPBACK_ADDRESSES = ["::1", "127.0.0.1"];

/** Finds the addresses of a host. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #client: DnsClient;
  readonly #cache: DnsCache;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#client = new DnsClient(options);
    this.#cache = new DnsCache(options.clock);
  }

  /**
   * At least one address, in the order of the attempts: the families alternate (RFC 8305, section 4). `host`
   * is a name or an address in the form of a URL. Rejects with a `DownloadError` with the code `dns`.
   */
  async resolve(host: string, port: number, signal: AbortSignal): Promise<readonly string[]> {
    const name = plainName(host);
    const usable = this.#usable(await this.#find(name, port, signal));
    if (usable.length > 0) return takeTurns(usable);
    throw dnsError(name, "it has no IPv4 address, and IPv6 is switched off", { retryable: false });
  }

  /** Whether the caller has fixed the addresses of a name. */
  isFixed(host: string, port: number): boolean {
    const name = plainName(host);
    return parseIp(name) === undefined && overridesFor(this.#options.overrides, name, port) !== undefined;
  }

  async #find(name: string, port: number, signal: AbortSignal): Promise<readonly string[]> {
    const { overrides, dohServers, servers } = this.#options;
    const address = parseIp(name);
    if (address !== undefined) return [address];
    const set = overridesFor(overrides, name, port);
    if (set !== undefined) return set;
    if (dohServers.length + servers.length === 0) return await this.#askSystem(name, signal);
    if (LOOPBACK_NAME.test(name)) return LOOPBACK_ADDRESSES;
    return await this.#cache.find(name, (shared) => this.#askServers(name, shared), signal);
  }

  async #askSystem(name: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await unlessAborted(this.#options.network.lookup(name), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PermissionError) throw error;
      const code = errorCode(error);
      const reason = code !== undefined ? `it could not be looked up (${code})` : "it could not be looked up";
      throw dnsError(name, reason, { retryable: true, cause: error });
    }
  }

  async #askServers(name: string, signal: AbortSignal): Promise<FoundAddresses> {
    const { families, clock } = this.#options;
    const types: readonly AddressType[] = families === "all" ? ["AAAA", "A"] : ["A"];
    const enough = new AbortController();
    const limited = AbortSignal.any([signal, enough.signal]);
    const ask = async (type: AddressType) => {
      const answer = await this.#client.ask(name, type, limited);
      if (answer.addresses.length > 0) {
        clock.sleep(OTHER_FAMILY_WAIT_MS, limited).then(() => enough.abort(), () => {}); // both families have answered
      }
      return answer;
    };
    const outcomes = await Promise.allSettled(types.map(ask));
    signal.throwIfAborted();
    const answers = outcomes.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []);
    const found = answers.flatMap(({ addresses }) => addresses);
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (found.length === 0) {
      if (failure !== undefined) throw failure.reason;
      const isUnknown = answers.some(({ rcode }) => rcode === NXDOMAIN);
      const reason = isUnknown ? "DNS has no such name" : `DNS has no ${types.join(" or ")} record for it`;
      // A network that is coming up and a captive portal give such answers for a while.
      throw dnsError(name, reason, { retryable: true });
    }
    return {
      addresses: found.map(({ address }) => address),
      // If a family is missing because its query failed, the next query may succeed, so do not cache.
      ttlSeconds: failure === undefined ? Math.min(...found.map(({ ttlSeconds }) => ttlSeconds)) : 0,
    };
  }

  #usable(addresses: readonly string[]): readonly string[] {
    return this.#options.families === "all" ? addresses : addresses.filter((address) => !isIpv6(address));
  }
}

function plainName(host: string): string {
  return withoutBrackets(host.toLowerCase()).replace(/\.$/, "");
}

/** Alternates the families, starting with that of the first address, which is the preferred one. */
function takeTurns(addresses: readonly string[]): string[] {
  const unique = [...new Set(addresses)];
  const isFirstIpv6 = isIpv6(unique[0] ?? "");
  const first = unique.filter((address) => isIpv6(address) === isFirstIpv6);
  const second = unique.filter((address) => isIpv6(address) !== isFirstIpv6);
  return Array.from(
    { length: Math.max(first.length, second.length) },
    (_, index) => [first[index], second[index]],
  )
    .flat().filter((address) => address !== undefined);
}
