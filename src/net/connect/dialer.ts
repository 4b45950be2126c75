import { DownloadError, PermissionError } from "../../errors.ts";
import type { Clock, Connection, Endpoint, Network } from "../../runtime/runtime.ts";
import { unlessAborted } from "../../lib/waiting.ts";
import { isIpv6 } from "../../lib/ip_address.ts";
import { errorCode } from "../../lib/error_code.ts";

/** Finds the addresses of a host. */
export interface AddressSource {
  /** The addresses in the order of the attempts; rejects when there are none. */
  resolve(host: string, port: number, signal: AbortSignal): Promise<readonly string[]>;
}

/** Settings of a dialer. */
export interface DialerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly resolver: AddressSource;
  /** Local address of the connections; `undefined` for any. */
  readonly localAddress: string | undefined;
}

/** Delay between an attempt and the next, parallel one (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;

/** Opens a TCP connection to the first address of a host that answers. */
export class Dialer {
  readonly #options: DialerOptions;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Connects. Throws a `DownloadError` with the code `dns` or `connect`. */
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

  /** Tries each address once the one before has failed, or has not answered within the delay. */
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
        if (--left > 0) return;
        reject(error instanceof PermissionError ? error : failed(host, reasonOf(error)));
      }
    };
    const tryInTurn = async (): Promise<void> => {
      for (const [index, endpoint] of endpoints.entries()) {
        if (stop.aborted) return;
        if (index === endpoints.length - 1) return void attempt(endpoint);
        const turn = new AbortController();
        void attempt(endpoint).then(() => turn.abort());
        await clock.sleep(ATTEMPT_DELAY_MS, AbortSignal.any([stop, turn.signal])).catch(() => {}); // it failed, or the race is over
      }
    };
    void tryInTurn();
    return await unlessAborted(first, signal);
  }
}

function failed(host: string, reason: string): DownloadError {
  return new DownloadError("connect", `Cannot connect to ${host}: ${reason}`, { retryable: true, reason });
}

/** The error code of the system. Its text is unknown. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  if (code === "ECONNREFUSED") return "the connection was refused";
  return code ?? "no connection could be made";
}
