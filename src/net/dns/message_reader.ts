const MAX_MESSAGE_BYTES = 65_535;
/** The longest label of a name. */
export const MAX_LABEL_BYTES = 63;
/** The longest name, with the lengths of its labels. */
export const MAX_NAME_BYTES = 255;

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

/** A name that cannot be asked for, or a message that is not an answer. */
export class DnsMessageError extends Error {
  override readonly name = "DnsMessageError";
  readonly fault: DnsMessageFault;

  constructor(fault: DnsMessageFault) {
    super(`Cannot use the DNS message: ${fault}`);
    this.fault = fault;
  }
}

/** Reads the parts of a message one after another, and throws a {@linkcode DnsMessageError} at its end. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  /** Where the next part begins. */
  at = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length > MAX_MESSAGE_BYTES) throw new DnsMessageError("too long");
    this.#bytes = bytes;
  }

  /** The next `length` bytes. */
  take(length: number): Uint8Array {
    this.need(length);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Names compare without regard to case, so they are read in lower case. */
  name(): string {
    const labels: string[] = [];
    let length = 1;
    let at = this.at;
    /** Where a pointer may point to: before all that has been read of this name, so there are no loops. */
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
        // A dot within a label must not look like one between labels.
        const label = String.fromCharCode(...this.#bytes.subarray(at + 1, at + 1 + size));
        labels.push(label.replaceAll(".", "\\."));
        at += size + 1;
      }
    }
    this.at = end ?? at + 1;
    return nameKey(labels.join("."));
  }

  /** RFC 2181, section 8: a time to live with its highest bit set counts as 0. */
  ttl(): number {
    const high = this.uint16();
    const low = this.uint16();
    return high >= 0x8000 ? 0 : high * 0x10000 + low;
  }

  /** A number of two bytes. */
  uint16(): number {
    const value = this.#byteAt(this.at) << 8 | this.#byteAt(this.at + 1);
    this.at += 2;
    return value;
  }

  /** Throws unless `length` more bytes are there. */
  need(length: number): void {
    if (this.at + length > this.#bytes.length) throw new DnsMessageError("cut short");
  }

  #byteAt(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new DnsMessageError("cut short");
    return byte;
  }
}

/** A name in the form in which names compare. */
export function nameKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}
