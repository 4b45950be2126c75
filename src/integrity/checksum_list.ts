import { ALGORITHM_BY_DIGITS, type Checksum, CHECKSUM_ALGORITHMS, parseChecksum } from "../checksum.ts";
import { DownloadError } from "../errors.ts";

/** One line of a list. */
export interface ChecksumEntry {
  readonly checksum: Checksum;
  /** As it stands in the list, often with a path; `undefined` for a digest that stands alone. */
  readonly name: string | undefined;
}

/**
 * Reads a list as people publish them: lines of `HEX  NAME` as `sha256sum` writes them, of `SHA256 (NAME) = HEX` as
 * BSD does, or one digest alone. Other lines are passed over. `listName`, such as `SHA512SUMS`, tells two functions of
 * one length apart.
 */
export function checksumEntries(list: string, listName: string): ChecksumEntry[] {
  const lines = list.split(/\r?\n/).map((line) => line.trim()).filter((line) =>
    line !== "" && !/^[#-]/.test(line)
  );
  return lines.flatMap((line) =>
    parseBsd(line) ?? parseCoreutils(line, listName) ?? parseLone(lines, line, listName) ?? []
  );
}

/**
 * The checksum of a file in a list, that of the strongest function where there are several. A path in the list counts
 * by its last part. `undefined` when no line is about the file; a `DownloadError` when two of them differ.
 */
export function findInChecksumList(list: string, fileName: string, listName: string): Checksum | undefined {
  const found = checksumEntries(list, listName)
    .filter(({ name }) => name === undefined || lastPart(name) === fileName)
    .map(({ checksum }) => checksum)
    .sort((a, b) => strength(b) - strength(a));
  const [first] = found;
  const isClear = found.every(({ algorithm, hex }) => algorithm !== first?.algorithm || hex === first.hex);
  if (isClear) return first;
  throw new DownloadError(
    "checksum_list",
    `Cannot use the checksum list: it has two different ${first?.algorithm} digests for "${fileName}"`,
  );
}

/** The algorithms are listed from the weakest on. */
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

/** A file such as `disk.iso.sha256` often holds nothing but the digest. */
function parseLone(lines: readonly string[], line: string, listName: string): ChecksumEntry | undefined {
  if (lines.length !== 1 || !/^[\da-f]{32,128}$/i.test(line)) return undefined;
  const checksum = tryParse(algorithmOf(line, listName), line);
  return checksum && { checksum, name: undefined };
}

function algorithmOf(hex: string, listName: string): string {
  const name = listName.toLowerCase().replaceAll("-", "").replace(/^b2|\.b2/, "blake2b512");
  const said = CHECKSUM_ALGORITHMS.find((algorithm) => name.includes(algorithm));
  return said !== undefined && tryParse(said, hex) ? said : ALGORITHM_BY_DIGITS[hex.length] ?? "";
}

function tryParse(algorithm: string, hex: string): Checksum | undefined {
  try {
    return parseChecksum(`${algorithm}:${hex}`);
  } catch {
    return undefined; // no function that is known, or a digest of another length
  }
}

function unescape(name: string): string {
  return name.replace(/\\([\\nr])/g, (_, letter) => letter === "n" ? "\n" : letter === "r" ? "\r" : "\\");
}

function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
