/** A resource record; its data is bytes, or a name. */
export interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  /** @default {300} */
  readonly ttl?: number;
  /** @default {1} */
  readonly class?: number;
  readonly data: readonly number[] | string;
}

/** What an answer is to say, beside what the question says. */
export interface DnsReply {
  readonly id?: number;
  /** @default {0x8180} */
  readonly flags?: number;
  readonly rcode?: number;
  readonly name?: string;
  readonly type?: number;
  readonly records?: readonly DnsRecord[];
  /** How many records it claims to have. */
  readonly answers?: number;
  readonly questions?: number;
}

/** Bytes of a name, uncompressed. */
export function nameBytes(name: string): number[] {
  const labels = name === "" ? [] : name.split(".");
  return [...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0];
}

/** What a question asks. */
export function readQuestion(message: Uint8Array): { id: number; name: string; type: number } {
  const labels: string[] = [];
  let at = 12;
  for (let size = message[at]!; size > 0; size = message[at]!) {
    labels.push(new TextDecoder().decode(message.subarray(at + 1, at + 1 + size)));
    at += size + 1;
  }
  return { id: message[0]! << 8 | message[1]!, name: labels.join("."), type: message[at + 2]! };
}

/** The message that answers `question`, with what `reply` says in its place. */
export function answerTo(question: Uint8Array, reply: DnsReply = {}): Uint8Array {
  const asked = readQuestion(question);
  const { id, name, type } = { ...asked, ...reply };
  const records = reply.records ?? [];
  const flags = (reply.flags ?? 0x8180) | (reply.rcode ?? 0);
  const questions = reply.questions ?? 1;
  return Uint8Array.from([
    ...[id, flags, questions, reply.answers ?? records.length, 0, 0].flatMap(uint16),
    ...(questions === 0 ? [] : [...nameBytes(name), ...uint16(type), 0, 1]),
    ...records.flatMap(recordBytes),
  ]);
}

function recordBytes({ owner, type, ttl = 300, class: recordClass = 1, data }: DnsRecord): number[] {
  const bytes = typeof data === "string" ? nameBytes(data) : data;
  return [
    ...nameBytes(owner),
    ...[type, recordClass, ttl >>> 16, ttl & 0xffff, bytes.length].flatMap(uint16),
    ...bytes,
  ];
}

function uint16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}
