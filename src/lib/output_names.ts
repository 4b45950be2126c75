import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** The longest name that file systems allow. */
export const FILE_NAME_BYTES = 255;

const HASH_DIGITS = 12;

/** The suffixes of the files beside an output. A suffix follows the output's name. */
const SUFFIXES = {
  part: ".part",
  control: ".bytehaul",
  lock: ".bytehaul.lock",
  temporary: ".bytehaul.tmp",
  damaged: ".bytehaul.bad",
  mismatch: ".mismatch",
} as const;

const LONGEST_SUFFIX_BYTES = Math.max(...Object.values(SUFFIXES).map(({ length }) => length));

/** How many bytes of a long name come before its hash. */
const STEM_BYTES = FILE_NAME_BYTES - LONGEST_SUFFIX_BYTES - HASH_DIGITS - 1;

/**
 * Names the files that bytehaul keeps beside an output. Where the output's name leaves no room for a suffix, the
 * start and the hash of the name replace it. So the same output always has the same files.
 */
export class OutputNames {
  /** The finished file. */
  readonly path: string;
  /** The directory of all of them. */
  readonly directory: string;
  /** The part file: the data while it is unfinished. */
  readonly part: string;
  /** The control file: which data is known to be good. */
  readonly control: string;
  /** Locked by the download that writes the output. */
  readonly lock: string;
  /** A file that is being prepared. */
  readonly temporary: string;
  /** A control file that cannot be used. */
  readonly damaged: string;
  /** A file that failed its checksum. */
  readonly mismatch: string;

  /** Names the files beside the output at `path`. */
  constructor(path: string) {
    this.path = path;
    this.directory = dirname(path);
    this.part = beside(path, SUFFIXES.part);
    this.control = beside(path, SUFFIXES.control);
    this.lock = beside(path, SUFFIXES.lock);
    this.temporary = beside(path, SUFFIXES.temporary);
    this.damaged = beside(path, SUFFIXES.damaged);
    this.mismatch = beside(path, SUFFIXES.mismatch);
  }
}

/** Whether a name has the suffix of a file beside an output. */
export function isNameBeside(name: string): boolean {
  const lower = name.toLowerCase();
  return Object.values(SUFFIXES).some((suffix) => lower.endsWith(suffix));
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
