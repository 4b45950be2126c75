import { DownloadError } from "../../errors.ts";
import type { Clock, Connection, Endpoint, Network } from "../../runtime/runtime.ts";
import { unlessAborted } from "../../lib/waiting.ts";
import { isIpv6 } from "../../lib/ip_address.ts";
import { errorCode } from "../../lib/error_code.ts";

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
  async #race(host: string, endpoints: readonly Endpoint[], signal: AbortSignal): Promise<Connection> {
    const { network, clock, localAddress } = this.#options;
    const decided = new AbortController();
    const stop = AbortSignal.any([signal, decided.signal]);
    const { promise: first, resolve, reject } = Promise.withResolvers<Connection>();
    let left = endpoints.length;
    const attempt = async (endpoint: Endpoint): Promise<void> => {
      try {
        const connection = await network.connect(endpoint, { localAddress, signal: stop });
        if (stop.aborted) return connection.close();
        decided.abort();
        resolve(connection);
      } catch (error) {
        if (--left === 0) reject(failed(host, reasonOf(error)));
      }
    };
    const tryInTurn = async (): Promise<void> => {
      for (const endpoint of endpoints) {
        if (stop.aborted) return;
        const turn = new AbortController();
        void attempt(endpoint).then(() => turn.abort());
        await clock.sleep(ATTEMPT_DELAY_MS, AbortSignal.any([stop, turn.signal])).catch(() => {}); // it failed, or all is over
      }
    };
    void tryInTurn();
    return await unlessAborted(first, signal);
  }
}

function failed(host: string, reason: string): DownloadError {
  return new DownloadError("connect", `Cannot connect to ${host}: ${reason}`, { retryable: true, reason });
}

/** The system's name for a failure; its text may hold anything, but for what a permission lacks. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no connection could be made";
  if (error.name === "NotCapable") return error.message;
  const code = errorCode(error);
  if (code === "ECONNREFUSED") return "the connection was refused";
  return code ?? "no connection could be made";
}
