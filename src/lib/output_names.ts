import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** What file systems allow for a name. */
export const FILE_NAME_BYTES = 255;

const HASH_DIGITS = 12;

/** The longest of what goes behind a name. */
const LONGEST_SUFFIX = ".bytehaul.lock";

/** How much of a long name stays in front of its hash, in bytes. */
const STEM_BYTES = FILE_NAME_BYTES - LONGEST_SUFFIX.length - HASH_DIGITS - 1;

/**
 * The files that bytehaul keeps beside an output. Where the name of the output leaves no room for what goes behind it,
 * its start and its hash stand for it, so that the same output always has the same files.
 */
export class OutputNames {
  /** The finished file. */
  readonly path: string;
  /** The directory of all of them. */
  readonly directory: string;
  /** The data while unfinished. */
  readonly part: string;
  /** What is known to be good. */
  readonly control: string;
  /** Locked by the download that writes the output. */
  readonly lock: string;
  /** A file that is being prepared. */
  readonly temporary: string;
  /** A control file that cannot be used. */
  readonly damaged: string;
  /** What failed its checksum. */
  readonly mismatch: string;

  /** Names what is beside the output at `path`. */
  constructor(path: string) {
    this.path = path;
    this.directory = dirname(path);
    this.part = beside(path, ".part");
    this.control = beside(path, ".bytehaul");
    this.lock = beside(path, LONGEST_SUFFIX);
    this.temporary = beside(path, ".bytehaul.tmp");
    this.damaged = beside(path, ".bytehaul.bad");
    this.mismatch = beside(path, ".mismatch");
  }
}

function beside(path: string, suffix: string): string {
  const name = basename(path);
  if (byteLength(name) + suffix.length <= FILE_NAME_BYTES) return path + suffix;
  const stem = name.slice(0, unitsThatFit(name, STEM_BYTES));
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_DIGITS);
  return join(dirname(path), `${stem}~${hash}${suffix}`);
}

/** How many UTF-16 units of `text` fit into `bytes` bytes of UTF-8, whole code points only. */
export function unitsThatFit(text: string, bytes: number): number {
  return new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
