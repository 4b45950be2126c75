import { type Checksum, CHECKSUM_ALGORITHMS, parseChecksum } from "../checksum.ts";

/** The function that a digest of so many hexadecimal digits comes from, where the list does not say. */
const BY_LENGTH: Readonly<Record<number, string>> = {
  32: "md5",
  40: "sha1",
  56: "sha224",
  64: "sha256",
  96: "sha384",
  128: "sha512",
};

/**
 * Finds the checksum of a file in a list as people publish them: lines of `HEX  NAME` as `sha256sum` writes them, of
 * `SHA256 (NAME) = HEX` as BSD does, or one digest alone. A path in the list counts by its last part. `listName`, such
 * as `SHA512SUMS`, tells two functions of one length apart. `undefined` when no line is about the file; a `TypeError`
 * when two lines differ.
 */
export function findInChecksumList(list: string, fileName: string, listName: string): Checksum | undefined {
  const found = new Map<string, Checksum>();
  const lines = list.split(/\r?\n/).map((line) => line.trim()).filter((line) =>
    line !== "" && !/^[#-]/.test(line)
  );
  for (const line of lines) {
    const entry = parseBsd(line) ?? parseCoreutils(line, listName) ?? parseLone(lines, line, listName);
    if (entry === undefined || (entry.name !== undefined && lastPart(entry.name) !== fileName)) continue;
    found.set(`${entry.checksum.algorithm}:${entry.checksum.hex}`, entry.checksum);
  }
  const [first, ...others] = [...found.values()];
  const rival = others.find(({ algorithm }) => algorithm === first?.algorithm);
  if (rival !== undefined) {
    throw new TypeError(
      `Cannot use the checksum list: it has two different ${rival.algorithm} digests for "${fileName}"`,
    );
  }
  return first;
}

interface Entry {
  readonly checksum: Checksum;
  /** `undefined` for a digest that stands alone. */
  readonly name: string | undefined;
}

function parseBsd(line: string): Entry | undefined {
  const [, algorithm, name, hex] = /^([A-Z][A-Z\d/-]*) \((.+)\) = ([\da-f]+)$/i.exec(line) ?? [];
  if (algorithm === undefined || hex === undefined) return undefined;
  const checksum = tryParse(algorithm.toLowerCase().replace("/", "-"), hex);
  return checksum && { checksum, name };
}

function parseCoreutils(line: string, listName: string): Entry | undefined {
  const [, escaped, hex, name] = /^(\\?)([\da-f]{32,128}) [ *](.+)$/i.exec(line) ?? [];
  if (hex === undefined || name === undefined) return undefined;
  const checksum = tryParse(algorithmOf(hex, listName), hex);
  return checksum && { checksum, name: escaped === "" ? name : unescape(name) };
}

/** A file such as `disk.iso.sha256` often holds nothing but the digest. */
function parseLone(lines: readonly string[], line: string, listName: string): Entry | undefined {
  if (lines.length !== 1 || !/^[\da-f]{32,128}$/i.test(line)) return undefined;
  const checksum = tryParse(algorithmOf(line, listName), line);
  return checksum && { checksum, name: undefined };
}

function algorithmOf(hex: string, listName: string): string {
  const name = listName.toLowerCase().replaceAll("-", "").replace(/^b2|\.b2/, "blake2b512");
  const said = CHECKSUM_ALGORITHMS.find((algorithm) => name.includes(algorithm));
  return said !== undefined && tryParse(said, hex) ? said : BY_LENGTH[hex.length] ?? "";
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
