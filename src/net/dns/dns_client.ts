import type { Clock, Endpoint, Network } from "../../runtime/runtime.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { dnsError } from "./dns_error.ts";
import {
  type AddressType,
  decodeAnswer,
  type DnsAnswer,
  DnsMessageError,
  type DnsQuestion,
  encodeQuestion,
  isAnswerTo,
} from "./dns_message.ts";
import { PermissionError } from "../../errors.ts";
import { joinHostPort } from "../../lib/ip_address.ts";
import { TimeExpiredError, within } from "../../lib/waiting.ts";
import { errorCode } from "../../lib/error_code.ts";
import { onAbort } from "../../lib/on_abort.ts";

/**
 * Sends a DNS message to a DoH server, and returns its answer (RFC 8484). Errors have a short word in `code`;
 * their text is not shown.
 */
export type FetchDoh = (
  url: string,
  message: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** DNS servers, and the means to query them. */
export interface DnsClientOptions {
  readonly network: Pick<Network, "connect" | "exchange">;
  readonly clock: Clock;
  /** URLs. They are queried before `servers`, so that names are sent unencrypted only if necessary. */
  readonly dohServers: readonly string[];
  readonly fetchDoh: FetchDoh;
  readonly servers: readonly Endpoint[];
  /** Time limit of each query to each server. */
  readonly timeoutMs: number;
}

/** A datagram may get lost, so a server without an answer is queried once more after the others. */
const ROUNDS = 2;

const SUCCESS = 0;
/** The name does not exist. */
export const NXDOMAIN = 3;
const FAILURES: Readonly<Record<number, string>> = { 1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED" };

interface Server {
  /** Name in messages, without the path of a DoH server, which may be secret. */
  readonly name: string;
  ask(name: string, type: AddressType, signal: AbortSignal): Promise<DnsAnswer>;
}

/** Queries servers in order until one answers. */
export class DnsClient {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #servers: readonly Server[];

  constructor({ network, clock, dohServers, fetchDoh, servers, timeoutMs }: DnsClientOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#servers = [
      ...dohServers.map((url) => dohServer(url, fetchDoh)),
      ...servers.map((endpoint) => plainServer(endpoint, network)),
    ];
  }

  /**
   * The first answer that is a success or {@linkcode NXDOMAIN}. Throws a `DownloadError` if no server gives
   * one.
   */
  async ask(name: string, type: AddressType, signal: AbortSignal): Promise<DnsAnswer> {
    checkName(name);
    const failures = new Map<Server, string>();
    let servers = this.#servers;
    for (let round = 0; round < ROUNDS; round++) {
      const silent: Server[] = [];
      for (const server of servers) {
        try {
          const ask = (limited: AbortSignal) => server.ask(name, type, limited);
          const answer = await within(this.#clock, this.#timeoutMs, signal, ask);
          if (answer.rcode === SUCCESS || answer.rcode === NXDOMAIN) return answer;
          failures.set(server, `answered ${FAILURES[answer.rcode] ?? `with the code ${answer.rcode}`}`);
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof PermissionError) throw error;
          failures.set(server, describe(error));
          if (!(error instanceof DnsMessageError)) silent.push(server);
        }
      }
      servers = silent;
    }
    const reasons = [...failures].map(([server, reason]) => `${server.name} ${reason}`).join(", ");
    throw dnsError(name, `the DNS server ${reasons}`, { retryable: true });
  }
}

function plainServer(endpoint: Endpoint, network: DnsClientOptions["network"]): Server {
  return {
    name: joinHostPort(endpoint.address, endpoint.port),
    async ask(name, type, signal) {
      // The number is random, so that a sender who does not see the question cannot forge an answer.
      const [id = 0] = crypto.getRandomValues(new Uint16Array(1));
      const question: DnsQuestion = { id, name, type };
      const message = encodeQuestion(question);
      const accepts = (answer: Uint8Array) => isAnswerTo(question, answer);
      const answer = decodeAnswer(question, await network.exchange(endpoint, message, accepts, signal));
      if (!answer.isTruncated) return answer;
      return decodeWhole(question, await exchangeOverTcp(endpoint, message, network, signal));
    },
  };
}

function dohServer(url: string, fetchDoh: FetchDoh): Server {
  return {
    name: new URL(url).host,
    async ask(name, type, signal) {
      // TLS prevents forged answers, so the number is 0, and equal messages can be cached on the path.
      const question: DnsQuestion = { id: 0, name, type };
      return decodeWhole(question, await fetchDoh(url, encodeQuestion(question), signal));
    },
  };
}

/** RFC 1035, section 4.2.2: over TCP the length precedes the message. */
async function exchangeOverTcp(
  endpoint: Endpoint,
  message: Uint8Array,
  network: DnsClientOptions["network"],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const connection = await network.connect(endpoint, { localAddress: undefined, signal });
  using _closing = onAbort(signal, () => connection.close());
  try {
    signal.throwIfAborted();
    await connection.write(Uint8Array.of(message.length >> 8, message.length & 0xff, ...message));
    const reader = new ByteReader(connection);
    const [high = 0, low = 0] = await reader.take(2) ?? [];
    const answer = await reader.take(high << 8 | low);
    if (answer === undefined) throw new DnsMessageError("cut short");
    return answer;
  } finally {
    connection.close();
  }
}

/** Over TCP and HTTPS a truncated answer is an error, because they have room for a complete one. */
function decodeWhole(question: DnsQuestion, message: Uint8Array): DnsAnswer {
  const answer = decodeAnswer(question, message);
  if (answer.isTruncated) throw new DnsMessageError("cut short");
  return answer;
}

function checkName(name: string): void {
  try {
    encodeQuestion({ id: 0, name, type: "A" });
  } catch (error) {
    throw dnsError(name, "DNS has no names like that", { retryable: false, cause: error });
  }
}

function describe(error: unknown): string {
  if (error instanceof TimeExpiredError) return "did not answer in time";
  if (error instanceof DnsMessageError) return `sent a bad answer (${error.fault})`;
  const code = errorCode(error);
  return `could not be asked${code === undefined ? "" : ` (${code})`}`;
}
