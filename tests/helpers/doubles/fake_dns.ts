// Otherwise the first look-up would load it from the disk, while a virtual clock does not wait for it.
import "../../../src/net/dns/dns_client.ts";
import { joinHostPort } from "../../../src/lib/ip_address.ts";
import type { Connection, Endpoint, Network } from "../../../src/runtime/runtime.ts";
import { answerTo, type DnsReply, readQuestion } from "./dns_answer.ts";

/** What a server does with a question: answers, says nothing, or cannot be reached. */
export type FakeReply = DnsReply | "silence" | Error | Uint8Array;

/** A question as a server sees it. */
export interface FakeQuestion {
  readonly id: number;
  readonly name: string;
  readonly type: "A" | "AAAA";
  readonly transport: "udp" | "tcp" | "doh";
}

/** A network in which there are only DNS servers, and a system that knows a few names. */
export class FakeDns implements Pick<Network, "connect" | "exchange" | "lookup"> {
  /** `transport server type name` of every question, in order. */
  readonly asked: string[] = [];
  readonly ids: number[] = [];
  readonly hosts = new Map<string, readonly string[]>();
  /** Connections that were made and not closed. */
  openConnections = 0;
  /** Questions that are neither answered nor given up. */
  waiting = 0;
  readonly #servers: Readonly<Record<string, (question: FakeQuestion) => FakeReply | Promise<FakeReply>>>;

  constructor(servers: Readonly<Record<string, (question: FakeQuestion) => FakeReply | Promise<FakeReply>>>) {
    this.#servers = servers;
  }

  async exchange(
    to: Endpoint,
    message: Uint8Array,
    accepts: (answer: Uint8Array) => boolean,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const answer = await this.#answer("udp", joinHostPort(to.address, to.port), message, signal);
    return accepts(answer) ? answer : await this.#silence(signal);
  }

  connect(to: Endpoint, { signal }: { readonly signal: AbortSignal }): Promise<Connection> {
    this.openConnections++;
    const incoming = Promise.withResolvers<Uint8Array>();
    let chunks: Uint8Array<ArrayBuffer>[] | undefined;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.openConnections--;
      isOpen = false;
    };
    return Promise.resolve({
      async read(into) {
        if (chunks === undefined) {
          const answer = await incoming.promise;
          const framed = Uint8Array.of(answer.length >> 8, answer.length & 0xff, ...answer);
          // As TCP does: cut anywhere.
          chunks = [framed.slice(0, 1), framed.slice(1, 7), framed.slice(7)];
        }
        const chunk = chunks.shift() ?? new Uint8Array(0);
        into.set(chunk);
        return chunk.length;
      },
      write: (bytes) => {
        const length = bytes[0]! << 8 | bytes[1]!;
        if (length !== bytes.length - 2) throw new Error("a wrong length");
        incoming.resolve(this.#answer("tcp", joinHostPort(to.address, to.port), bytes.subarray(2), signal));
        return Promise.resolve();
      },
      close,
      closeAfter: () => {},
    });
  }

  lookup(host: string): Promise<string[]> {
    this.asked.push(`system ${host}`);
    const found = this.hosts.get(host);
    if (found !== undefined) return Promise.resolve([...found]);
    return Promise.reject(Object.assign(new Error("no such host"), { code: "ENOTFOUND" }));
  }

  /** Asks the server at an `https:` URL. */
  readonly fetchDoh = (url: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> => {
    return this.#answer("doh", url, message, signal);
  };

  async #answer(
    transport: FakeQuestion["transport"],
    server: string,
    message: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    signal.throwIfAborted();
    const { id, name, type: number } = readQuestion(message);
    const type = number === 1 ? "A" : "AAAA";
    this.asked.push(`${transport} ${server} ${type} ${name}`);
    this.ids.push(id);
    const reply = await this.#servers[server]?.({ id, name, type, transport }) ?? "silence";
    if (reply === "silence") return await this.#silence(signal);
    if (reply instanceof Error) throw reply;
    return reply instanceof Uint8Array ? reply : answerTo(message, reply);
  }

  #silence(signal: AbortSignal): Promise<never> {
    this.waiting++;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => {
      this.waiting--;
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    return promise;
  }
}

/** Answers with these addresses, those that are of the type asked for. */
export function knows(addresses: readonly string[], ttl = 300): (question: FakeQuestion) => DnsReply {
  return ({ name, type }) => ({
    records: addresses.filter((address) => address.includes(":") === (type === "AAAA")).map((address) => ({
      owner: name,
      type: type === "A" ? 1 : 28,
      ttl,
      data: type === "A" ? address.split(".").map(Number) : ipv6Bytes(address),
    })),
  });
}

function ipv6Bytes(address: string): number[] {
  const [head = "", tail = ""] = address.split("::");
  const groups = (part: string): string[] => part === "" ? [] : part.split(":");
  const zeros = new Array<string>(8 - groups(head).length - groups(tail).length).fill("0");
  return [...groups(head), ...zeros, ...groups(tail)].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
