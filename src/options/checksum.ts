import { OptionTypeError } from "../option_error.ts";

/** Hash functions that every runtime has, from the weakest to the strongest, with the length of their digests in bytes. */
const DIGEST_BYTES = {
  "md5": 16,
  "sha1": 20,
  "sha224": 28,
  "sha256": 32,
  "sha384": 48,
  "sha512": 64,
  "sha512-256": 32,
  "sha3-256": 32,
  "sha3-384": 48,
  "sha3-512": 64,
  "blake2b512": 64,
  "blake2s256": 32,
} as const;

/** Name of a hash function that a checksum may use. */
export type ChecksumAlgorithm = keyof typeof DIGEST_BYTES;

/** A checksum taken apart. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Lower case. */
  readonly hex: string;
}

/** The algorithms that {@linkcode parseChecksum} accepts. */
export const CHECKSUM_ALGORITHMS: readonly string[] = Object.keys(DIGEST_BYTES);

/** The usual function for a digest of so many hexadecimal digits, where nobody says which it is. */
export const ALGORITHM_BY_DIGITS: Readonly<Record<number, string>> = {
  32: "md5",
  40: "sha1",
  56: "sha224",
  64: "sha256",
  96: "sha384",
  128: "sha512",
};

function isAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(DIGEST_BYTES, name);
}

/** Takes `algorithm:hex` apart; a `TypeError` says what is wrong with it. */
export function parseChecksum(text: string): Checksum {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0)).toLowerCase();
  const algorithm = name.replace(/^sha-(?=\d)/, "sha");
  const hex = text.slice(colon + 1).trim().toLowerCase();
  const refused = (problem: string): OptionTypeError =>
    new OptionTypeError({ option: "checksum", subject: `checksum "${text}"`, problem, value: text });
  if (!isAlgorithm(algorithm)) {
    throw refused(`expected ALGORITHM:HEX with one of ${CHECKSUM_ALGORITHMS.join(", ")}`);
  }
  if (!/^[0-9a-f]*$/.test(hex)) throw refused("the part after the colon is not hexadecimal");
  const wanted = DIGEST_BYTES[algorithm] * 2;
  if (hex.length !== wanted) {
    throw refused(`${algorithm} has ${wanted} hexadecimal digits, this has ${hex.length}`);
  }
  return { algorithm, hex };
}

/** The form in which a checksum is given and shown. */
export function formatChecksum({ algorithm, hex }: Checksum): string {
  return `${algorithm}:${hex}`;
}
