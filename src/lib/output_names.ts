import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** The longest name that file systems allow. */
export const FILE_NAME_BYTES = 255;

const HASH_DIGITS = 12;

/** Suffixes that make the names of the files beside an output. */
const SUFFIXES = {
  part: ".part",
  control: ".bytehaul",
  lock: ".bytehaul.lock",
  temporary: ".bytehaul.tmp",
  damaged: ".bytehaul.bad",
  mismatch: ".mismatch",
} as const;

const LONGEST_SUFFIX_BYTES = Math.max(...Object.values(SUFFIXES).map(({ length }) => length));

/** The most bytes of a long name that stay before its hash. */
const STEM_BYTES = FILE_NAME_BYTES - LONGEST_SUFFIX_BYTES - HASH_DIGITS - 1;

/**
 * Names of the files that bytehaul keeps beside an output. When the output's name is too long for a suffix, the start
 * of the name and its hash replace the name. So the same output always has the same files.
 */
export class OutputNames {
  /** The finished file. */
  readonly path: string;
  /** The directory of all these files. */
  readonly directory: string;
  /** The data of an unfinished download. */
  readonly part: string;
  /** The control file, which records the data that is known to be good. */
  readonly control: string;
  /** The file that a download locks while it writes the output. */
  readonly lock: string;
  /** A file that is being prepared. */
  readonly temporary: string;
  /** A control file that cannot be used. */
  readonly damaged: string;
  /** A complete file that failed its checksum. */
  readonly mismatch: string;

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

/** Whether a name ends like that of a file beside an output. */
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

/** How many UTF-16 units of `text` fit into `bytes` bytes of UTF-8. No code point is split. */
export function unitsThatFit(text: string, bytes: number): number {
  return new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
