import { Buffer } from "node:buffer";
import type { CheckedRange } from "../../src/lib/crc32.ts";
import type { PieceMap } from "../../src/plan/piece_map.ts";
import { decodeControl } from "../../src/storage/control_format.ts";
import { claims as claimsOf } from "../helpers/disk/control_file.ts";
import type { MemoryFiles } from "./memory_files.ts";

/** How many bytes the record of an output's control file claims; `undefined` without a good one. */
export function claimedBytes(files: MemoryFiles, output: string): number | undefined {
  return claims(files, output)?.pieces.doneBytes;
}

/** How many bytes the record claims, and the entries of the journal that the part file has. */
export function provableBytes(
  files: MemoryFiles,
  output: string,
  bytesOf: (etag: string | undefined) => Uint8Array,
): number | undefined {
  const claimed = claims(files, output);
  if (claimed === undefined) return undefined;
  const { pieces, journal } = claimed;
  const part = files.peek(`${output}.part`) ?? new Uint8Array(0);
  const expected = bytesOf(claimed.etag);
  for (const range of journal.toSorted((one, other) => one.start - other.start)) {
    const { start, end, crc } = range;
    if (isSame(part.subarray(start, end), expected.subarray(start, end))) pieces.add(range, crc);
  }
  return pieces.doneBytes;
}

/**
 * Ranges that the control file of an output claims and its part file does not have, as text. `bytesOf` gives the
 * bytes of the version that has an ETag.
 */
export function wrongClaims(
  files: MemoryFiles,
  output: string,
  bytesOf: (etag: string | undefined) => Uint8Array,
): string[] {
  const part = files.peek(`${output}.part`);
  if (part === undefined) return [];
  const claimed = claims(files, output);
  if (claimed === undefined) return [];
  const expected = bytesOf(claimed.etag);
  return [...claimed.pieces.known()]
    .filter(({ start, end }) => !isSame(part.subarray(start, end), expected.subarray(start, end)))
    .map(({ start, end }) => `${start} to ${end}`);
}

/** How many entries the journal of an output has, and how many of them are about bytes that the part file has not. */
export function journalOf(
  files: MemoryFiles,
  output: string,
  bytesOf: (etag: string | undefined) => Uint8Array,
): { readonly entries: number; readonly wrong: number } {
  const claimed = claims(files, output);
  const part = files.peek(`${output}.part`) ?? new Uint8Array(0);
  if (claimed === undefined) return { entries: 0, wrong: 0 };
  const expected = bytesOf(claimed.etag);
  const isWrong = ({ start, end }: CheckedRange) =>
    !isSame(part.subarray(start, end), expected.subarray(start, end));
  return { entries: claimed.journal.length, wrong: claimed.journal.filter(isWrong).length };
}

function claims(
  files: MemoryFiles,
  output: string,
):
  | {
    readonly pieces: PieceMap;
    readonly journal: readonly CheckedRange[];
    readonly etag: string | undefined;
  }
  | undefined {
  const path = `${output}.bytehaul`;
  const bytes = files.peek(path);
  const decoded = bytes && decodeControl(bytes.slice(), path);
  if (decoded?.kind !== "record") return undefined;
  const { record, journal } = decoded;
  return { pieces: claimsOf(record), journal, etag: record.file.validator.etag };
}

/** Whether there are bytes, and these. */
export function isSame(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, expected) === 0;
}
