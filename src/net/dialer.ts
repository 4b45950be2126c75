import { DownloadError } from "../errors.ts";
import type { Clock, Connection, Network } from "../runtime/runtime.ts";
import { isIpv6 } from "./ip_address.ts";

/** Finds the addresses of a host. */
export interface AddressSource {
  /** In the order in which to try them; rejects when there are none. */
  resolve(host: string, port: number, signal: AbortSignal): Promise<readonly string[]>;
}

/** What a dialer works with. */
export interface DialerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly resolver: AddressSource;
  /** Where connections come from, if it matters. */
  readonly localAddress: string | undefined;
}

/** How long an address has to itself before the next one is tried beside it (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;

/** Opens TCP connections to hosts, whichever of their addresses answers. */
export class Dialer {
  readonly #options: DialerOptions;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Connects; a `DownloadError` with the code `dns` or `connect` tells what failed. */
  async connect(host: string, port: number, signal: AbortSignal): Promise<Connection> {
    const { resolver, localAddress } = this.#options;
    const found = await resolver.resolve(host, port, signal);
    const usable = localAddress === undefined
      ? found
      : found.filter((address) => isIpv6(address) === isIpv6(localAddress));
    if (usable.length === 0) {
      throw failed(host, `none of its addresses can be reached from ${localAddress}`);
    }
    return await this.#race(host, usable.map((address) => ({ address, port })), signal);
  }

  /** Each address is tried once the one before failed or has been silent for a while. */
  async #race(
    host: string,
    endpoints: readonly { readonly address: string; readonly port: number }[],
    signal: AbortSignal,
  ): Promise<Connection> {
    const { network, clock, localAddress } = this.#options;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const connected = Promise.withResolvers<Connection>();
    let left = endpoints.length;
    let reason = "";
    const attempt = async (endpoint: (typeof endpoints)[number]): Promise<void> => {
      try {
        const connection = await network.connect(endpoint, { localAddress, signal: stop });
        if (over.signal.aborted) return connection.close();
        connected.resolve(connection);
        over.abort();
      } catch (error) {
        reason = systemName(error);
        if (--left === 0) connected.reject(failed(host, reason));
      }
    };
    const tryAll = async (): Promise<void> => {
      for (const endpoint of endpoints) {
        const done = attempt(endpoint);
        const waited = new AbortController();
        const wait = clock.sleep(ATTEMPT_DELAY_MS, AbortSignal.any([stop, waited.signal])).catch(() => {}); // over
        await Promise.race([done, wait]);
        waited.abort();
        if (stop.aborted) return;
      }
    };
    const fail = () => connected.reject(signal.reason);
    signal.addEventListener("abort", fail, { once: true });
    if (signal.aborted) fail();
    try {
      void tryAll();
      return await connected.promise;
    } finally {
      signal.removeEventListener("abort", fail);
    }
  }
}

function failed(host: string, reason: string): DownloadError {
  return new DownloadError("connect", `Cannot connect to ${host}: ${reason}`, { retryable: true });
}

/** The system's name for a failure; its text may hold anything. */
function systemName(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNREFUSED"
    ? "the connection was refused"
    : typeof code === "string"
    ? code
    : "no connection could be made";
}
