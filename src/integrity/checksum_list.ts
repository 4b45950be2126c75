import {
  ALGORITHM_BY_DIGITS,
  type Checksum,
  CHECKSUM_ALGORITHMS,
  parseChecksum,
} from "../options/checksum.ts";
import { DownloadError } from "../errors.ts";

/** One line of a list. */
export interface ChecksumEntry {
  readonly checksum: Checksum;
  /** The name as written in the list, often with a path; `undefined` for a digest without a name. */
  readonly name: string | undefined;
}

/** No path is longer, so a longer line is not an entry. */
const MAX_LINE_LENGTH = 8192;

/** Length of the shortest digest. A shorter line is not an entry. */
const MIN_LINE_LENGTH = 32;

/**
 * Reads the usual forms of a list:
 *
 * - lines of `HEX  NAME`, as `sha256sum` writes them
 * - lines of `SHA256 (NAME) = HEX`, as BSD writes them
 * - a single digest
 *
 * Other lines are ignored. `listName`, such as `SHA512SUMS`, decides between two algorithms whose digests have the
 * same length.
 */
export function checksumEntries(list: string, listName: string): ChecksumEntry[] {
  return [...entriesOf(list, listName)];
}

/**
 * Finds the checksum of a file in a list, the one of the strongest algorithm if there are several. Only the
 * last part of a path in the list is compared. Returns `undefined` when no line names the file. Throws a
 * `DownloadError` when two lines have different digests of that algorithm.
 */
export function findInChecksumList(list: string, fileName: string, listName: string): Checksum | undefined {
  let best: Checksum | undefined;
  let isClear = true;
  for (const { checksum, name } of entriesOf(list, listName)) {
    if (name !== undefined && lastPart(name) !== fileName) continue;
    const isStronger = best === undefined || strength(checksum) > strength(best);
    if (isStronger) isClear = true;
    else if (checksum.algorithm === best?.algorithm && checksum.hex !== best.hex) isClear = false;
    if (isStronger) best = checksum;
  }
  if (isClear) return best;
  throw new DownloadError(
    "checksum_list",
    `Cannot use the checksum list: it has two different ${best?.algorithm} digests for "${fileName}"`,
  );
}

/** Reads line by line, because a list may have millions of lines, or one very long line. */
function* entriesOf(list: string, listName: string): Generator<ChecksumEntry, void, undefined> {
  let count = 0;
  let lone: ChecksumEntry | undefined;
  for (const line of linesOf(list)) {
    count++;
    const entry = parseBsd(line) ?? parseCoreutils(line, listName);
    if (entry !== undefined) yield entry;
    else if (count === 1) lone = parseLone(line, listName);
  }
  if (lone !== undefined && count === 1) yield lone;
}

/**
 * The lines without blank ones and comments. A line that is too short or too long for an entry is yielded as
 * "", because it counts as a line.
 */
function* linesOf(list: string): Generator<string, void, undefined> {
  for (let start = 0; start < list.length;) {
    const found = list.indexOf("\n", start);
    const end = found < 0 ? list.length : found;
    const line = end - start > MAX_LINE_LENGTH ? "" : list.slice(start, end).trim();
    const isBlank = line === "" && end - start <= MAX_LINE_LENGTH;
    if (!isBlank && !/^[#-]/.test(line)) yield line.length < MIN_LINE_LENGTH ? "" : line;
    start = end + 1;
  }
}

/** The algorithms are listed from the weakest to the strongest. */
function strength({ algorithm }: Checksum): number {
  return CHECKSUM_ALGORITHMS.indexOf(algorithm);
}

function parseBsd(line: string): ChecksumEntry | undefined {
  const [, algorithm, name, hex] = /^([A-Z][A-Z\d/-]*) \((.+)\) = ([\da-f]+)$/i.exec(line) ?? [];
  if (algorithm === undefined || hex === undefined) return undefined;
  const checksum = tryParse(algorithm.toLowerCase().replace("/", "-"), hex);
  return checksum && { checksum, name };
}

function parseCoreutils(line: string, listName: string): ChecksumEntry | undefined {
  const [, escaped, hex, name] = /^(\\?)([\da-f]{32,128}) [ *](.+)$/i.exec(line) ?? [];
  if (hex === undefined || name === undefined) return undefined;
  const checksum = tryParse(algorithmOf(hex, listName), hex);
  return checksum && { checksum, name: escaped === "" ? name : unescape(name) };
}

/** A file such as `disk.iso.sha256` often has only the digest. */
function parseLone(line: string, listName: string): ChecksumEntry | undefined {
  if (!/^[\da-f]{32,128}$/i.test(line)) return undefined;
  const checksum = tryParse(algorithmOf(line, listName), line);
  return checksum && { checksum, name: undefined };
}

/** The longest first: "sha512256" has "sha512" in it. */
const BARE_NAMES: readonly (readonly [bare: string, algorithm: string])[] = CHECKSUM_ALGORITHMS
  .map((algorithm) => [bareName(algorithm), algorithm] as const)
  .toSorted(([one], [other]) => other.length - one.length);

/** The function whose name is in that of the list, and whose digests have this length; else the usual one for it. */
function algorithmOf(hex: string, listName: string): string {
  const name = bareName(listName).replace(/^b2|\.b2/, "blake2b512");
  const named = BARE_NAMES.find(([bare, algorithm]) => name.includes(bare) && tryParse(algorithm, hex));
  return named?.[1] ?? ALGORITHM_BY_DIGITS[hex.length] ?? "";
}

/** Lists write `SHA3-256SUMS`, `sha3_256` and `SHA512256`. */
function bareName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_/]/g, "");
}

function tryParse(algorithm: string, hex: string): Checksum | undefined {
  try {
    return parseChecksum(`${algorithm}:${hex}`);
  } catch {
    return undefined; // unknown algorithm, or a digest of another length
  }
}

function unescape(name: string): string {
  return name.replace(/\\([\\nr])/g, (_, letter) => letter === "n" ? "\n" : letter === "r" ? "\r" : "\\");
}

function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
