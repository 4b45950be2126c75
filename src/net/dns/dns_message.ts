import { formatIp } from "../../lib/ip_address.ts";

/**
 * DNS messages in their wire format (RFC 1035) for UDP, TCP and HTTPS (RFC 8484). Anybody may have sent a
 * message, so every length and every pointer is checked.
 *
 * @module
 */

const HEADER_BYTES = 12;
const MAX_MESSAGE_BYTES = 65_535;
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;
/** Payload that fits into one datagram on nearly every path (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;

const TYPES = { A: 1, AAAA: 28 } as const;
const TYPE_CNAME = 5;
const TYPE_OPT = 41;
const CLASS_INTERNET = 1;
const IS_RESPONSE = 0x8000;
const OPCODE_MASK = 0x7800;
const IS_TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RCODE_MASK = 0x000f;

/** The address types of a query. */
export type AddressType = keyof typeof TYPES;

/** A DNS question. */
export interface DnsQuestion {
  /** 0 to 65535. */
  readonly id: number;
  /** Labels separated by dots. A dot at the end is ignored. */
  readonly name: string;
  readonly type: AddressType;
}

/** The answer to a question. */
export interface DnsAnswer {
  /** 0 is success, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  readonly rcode: number;
  /** Whether the answer was truncated; `addresses` is then empty. */
  readonly isTruncated: boolean;
  /** The addresses of the name, or of the name that it is an alias of. */
  readonly addresses: readonly { readonly address: string; readonly ttlSeconds: number }[];
}

/** Why a DNS message is refused. */
export type DnsMessageFault =
  | "bad name"
  | "cut short"
  | "too long"
  | "not a response"
  | "another id"
  | "another question"
  | "bad compression"
  | "bad record"
  | "alias loop";

/** A name that cannot be queried, or a message that is not an answer. */
export class DnsMessageError extends Error {
  override readonly name = "DnsMessageError";
  readonly fault: DnsMessageFault;

  constructor(fault: DnsMessageFault) {
    super(`Cannot use the DNS message: ${fault}`);
    this.fault = fault;
  }
}

/** The message for `question`. */
export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array<ArrayBuffer> {
  const labels = encodeName(name);
  const question = [...labels, 0, TYPES[type], 0, CLASS_INTERNET];
  // EDNS (RFC 6891): the root's name, then the type, the largest datagram, no flags and no data.
  const edns = [0, 0, TYPE_OPT, UDP_PAYLOAD_BYTES >> 8, UDP_PAYLOAD_BYTES & 0xff, 0, 0, 0, 0, 0, 0];
  const header = [id >> 8, id & 0xff, RECURSION_DESIRED >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  return Uint8Array.from([...header, ...question, ...edns]);
}

/** Whether a message claims to answer this question. Its records may still be malformed. */
export function isAnswerTo(question: DnsQuestion, message: Uint8Array): boolean {
  try {
    new Reader(message).readHead(question);
    return true;
  } catch (error) {
    if (error instanceof DnsMessageError) return false;
    throw error;
  }
}

/** Reads the answer to a question. Throws a {@linkcode DnsMessageError} when the message is not one. */
export function decodeAnswer(question: DnsQuestion, message: Uint8Array): DnsAnswer {
  const reader = new Reader(message);
  const { flags, answers } = reader.readHead(question);
  const rcode = flags & RCODE_MASK;
  const isTruncated = (flags & IS_TRUNCATED) !== 0;
  if (rcode !== 0 || isTruncated) return { rcode, isTruncated, addresses: [] };
  return { rcode, isTruncated, addresses: reader.readAddresses(question, answers) };
}

function encodeName(name: string): number[] {
  const bytes: number[] = [];
  for (const label of name.replace(/\.$/, "").split(".")) {
    const characters = [...new TextEncoder().encode(label)];
    const isFit = characters.length > 0 && characters.length <= MAX_LABEL_BYTES;
    if (!isFit || characters.some((byte) => byte <= 0x20 || byte >= 0x7f)) {
      throw new DnsMessageError("bad name");
    }
    bytes.push(characters.length, ...characters);
  }
  bytes.push(0);
  if (bytes.length > MAX_NAME_BYTES) throw new DnsMessageError("bad name");
  return bytes;
}

interface Found {
  readonly address: string;
  readonly ttlSeconds: number;
}

interface Alias {
  readonly target: string;
  readonly ttlSeconds: number;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length > MAX_MESSAGE_BYTES) throw new DnsMessageError("too long");
    this.#bytes = bytes;
  }

  /** Reads the head and the question, and checks that the question is this one. */
  readHead({ id, name, type }: DnsQuestion): { flags: number; answers: number } {
    this.#need(HEADER_BYTES);
    const givenId = this.#readUint16();
    const flags = this.#readUint16();
    const questions = this.#readUint16();
    const answers = this.#readUint16();
    this.#at = HEADER_BYTES;
    if ((flags & IS_RESPONSE) === 0 || (flags & OPCODE_MASK) !== 0) {
      throw new DnsMessageError("not a response");
    }
    if (givenId !== id) throw new DnsMessageError("another id");
    // A server that could not read the question may leave the question out of its error.
    if (questions === 0 && (flags & RCODE_MASK) !== 0) return { flags, answers };
    const isSame = questions === 1 && this.#readName() === nameKey(name) &&
      this.#readUint16() === TYPES[type] && this.#readUint16() === CLASS_INTERNET;
    if (!isSame) throw new DnsMessageError("another question");
    return { flags, answers };
  }

  /** Reads the answer section. The later sections are not needed. */
  readAddresses({ name, type }: DnsQuestion, answers: number): Found[] {
    const aliases = new Map<string, Alias>();
    const addresses: (Found & { owner: string })[] = [];
    for (let index = 0; index < answers; index++) {
      const owner = this.#readName();
      const recordType = this.#readUint16();
      const isInternet = this.#readUint16() === CLASS_INTERNET;
      const ttlSeconds = this.#readTtl();
      const length = this.#readUint16();
      this.#need(length);
      const end = this.#at + length;
      if (isInternet && recordType === TYPE_CNAME) {
        aliases.set(owner, { target: this.#readName(), ttlSeconds });
        if (this.#at !== end) throw new DnsMessageError("bad record");
      } else if (isInternet && recordType === TYPES[type]) {
        if (length !== (type === "A" ? 4 : 16)) throw new DnsMessageError("bad record");
        addresses.push({ owner, address: formatIp(this.#bytes.subarray(this.#at, end)), ttlSeconds });
      }
      this.#at = end;
    }
    const final = followAliases(nameKey(name), aliases);
    return addresses.filter(({ owner }) => owner === final.target)
      .map(({ address, ttlSeconds }) => ({ address, ttlSeconds: Math.min(ttlSeconds, final.ttlSeconds) }));
  }

  /** Reads a name in lower case, because the comparison of names ignores case. */
  #readName(): string {
    const labels: string[] = [];
    let length = 1;
    let at = this.#at;
    /** A pointer must point before the lowest offset read of this name, so there are no loops. */
    let limit = at;
    let end: number | undefined;
    while (true) {
      const size = this.#byteAt(at);
      if (size === 0) break;
      if ((size & 0xc0) === 0xc0) {
        const target = (size & 0x3f) << 8 | this.#byteAt(at + 1);
        if (target >= limit) throw new DnsMessageError("bad compression");
        end ??= at + 2;
        at = limit = target;
      } else {
        length += size + 1;
        if (size > MAX_LABEL_BYTES || length > MAX_NAME_BYTES) throw new DnsMessageError("bad name");
        this.#byteAt(at + size);
        // A dot within a label must differ from one between labels.
        const label = String.fromCharCode(...this.#bytes.subarray(at + 1, at + 1 + size));
        labels.push(label.replaceAll(".", "\\."));
        at += size + 1;
      }
    }
    this.#at = end ?? at + 1;
    return nameKey(labels.join("."));
  }

  /** RFC 2181, section 8: a time to live with its highest bit set counts as 0. */
  #readTtl(): number {
    const high = this.#readUint16();
    const low = this.#readUint16();
    return high >= 0x8000 ? 0 : high * 0x10000 + low;
  }

  #readUint16(): number {
    const value = this.#byteAt(this.#at) << 8 | this.#byteAt(this.#at + 1);
    this.#at += 2;
    return value;
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) throw new DnsMessageError("cut short");
  }

  #byteAt(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new DnsMessageError("cut short");
    return byte;
  }
}

function followAliases(name: string, aliases: ReadonlyMap<string, Alias>): Alias {
  let ttlSeconds = Infinity;
  let target = name;
  for (let followed = 0; followed <= aliases.size; followed++) {
    const alias = aliases.get(target);
    if (alias === undefined) return { target, ttlSeconds };
    target = alias.target;
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
  }
  throw new DnsMessageError("alias loop");
}

function nameKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}
