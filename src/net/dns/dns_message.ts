import { formatIp } from "../../lib/ip_address.ts";
import {
  DnsMessageError,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
  MessageReader,
  nameKey,
} from "./message_reader.ts";

export { DnsMessageError, type DnsMessageFault } from "./message_reader.ts";

/**
 * DNS messages in their wire format (RFC 1035) for UDP, TCP and HTTPS (RFC 8484). Anybody may have sent a
 * message, so every length and every pointer is checked.
 *
 * @module
 */

const HEADER_BYTES = 12;
/** What fits into one datagram on practically every path (DNS flag day 2020). */
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

/** The message that asks `question`. */
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
    readHead(new MessageReader(message), question);
    return true;
  } catch (error) {
    if (error instanceof DnsMessageError) return false;
    throw error;
  }
}

/** Reads the answer to a question. Throws a {@linkcode DnsMessageError} when the message is not one. */
export function decodeAnswer(question: DnsQuestion, message: Uint8Array): DnsAnswer {
  const reader = new MessageReader(message);
  const { flags, answers } = readHead(reader, question);
  const rcode = flags & RCODE_MASK;
  const isTruncated = (flags & IS_TRUNCATED) !== 0;
  if (rcode !== 0 || isTruncated) return { rcode, isTruncated, addresses: [] };
  return { rcode, isTruncated, addresses: readAddresses(reader, question, answers) };
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

/** Reads up to the first answer, and checks that they are for this question. */
function readHead(
  reader: MessageReader,
  { id, name, type }: DnsQuestion,
): { flags: number; answers: number } {
  reader.need(HEADER_BYTES);
  const givenId = reader.uint16();
  const flags = reader.uint16();
  const questions = reader.uint16();
  const answers = reader.uint16();
  reader.at = HEADER_BYTES;
  if ((flags & IS_RESPONSE) === 0 || (flags & OPCODE_MASK) !== 0) {
    throw new DnsMessageError("not a response");
  }
  if (givenId !== id) throw new DnsMessageError("another id");
  // A server that could not read the question says so without one.
  if (questions === 0 && (flags & RCODE_MASK) !== 0) return { flags, answers };
  const isSame = questions === 1 && reader.name() === nameKey(name) &&
    reader.uint16() === TYPES[type] && reader.uint16() === CLASS_INTERNET;
  if (!isSame) throw new DnsMessageError("another question");
  return { flags, answers };
}

/** Reads the answer section; what follows is not needed. */
function readAddresses(reader: MessageReader, { name, type }: DnsQuestion, answers: number): Found[] {
  const aliases = new Map<string, Alias>();
  const addresses: (Found & { owner: string })[] = [];
  for (let index = 0; index < answers; index++) {
    const owner = reader.name();
    const recordType = reader.uint16();
    const isInternet = reader.uint16() === CLASS_INTERNET;
    const ttlSeconds = reader.ttl();
    const length = reader.uint16();
    reader.need(length);
    const end = reader.at + length;
    if (isInternet && recordType === TYPE_CNAME) {
      aliases.set(owner, { target: reader.name(), ttlSeconds });
      if (reader.at !== end) throw new DnsMessageError("bad record");
    } else if (isInternet && recordType === TYPES[type]) {
      if (length !== (type === "A" ? 4 : 16)) throw new DnsMessageError("bad record");
      addresses.push({ owner, address: formatIp(reader.take(length)), ttlSeconds });
    }
    reader.at = end;
  }
  const final = followAliases(nameKey(name), aliases);
  return addresses.filter(({ owner }) => owner === final.target)
    .map(({ address, ttlSeconds }) => ({ address, ttlSeconds: Math.min(ttlSeconds, final.ttlSeconds) }));
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
