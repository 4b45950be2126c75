import { crc32 } from "node:zlib";
import type { CheckedRange } from "../lib/crc32.ts";
import { ControlFileError } from "../errors.ts";
import type { Validator } from "../types.ts";
import type { ControlRecord, RecordedPart, RecordedProgress } from "./control_record.ts";
import { grown, type JournalExtent } from "./journal/journal.ts";
import { decodeEntries, SEED_OFFSET } from "./journal/journal_format.ts";

/** The result of reading the bytes of a control file. */
export type DecodedControl = { readonly kind: "damaged"; readonly reason: string } | DecodedRecord;

/** The content of a control file. */
export interface DecodedRecord {
  readonly kind: "record";
  readonly record: ControlRecord;
  /** Ranges that were written after the record was saved. They must be compared with the part file. */
  readonly journal: readonly CheckedRange[];
  /** `undefined` in a file of the version without a journal. */
  readonly extent: JournalExtent | undefined;
}

const MAGIC = new TextEncoder().encode("BYTEHAUL");
const VERSION = 3;
/** The version before had no journal. */
const FIRST_VERSION = 2;
/** Magic, version, length of the description, length of the table after it, and the CRC-32 of everything else. */
const HEAD_BYTES = MAGIC.length + 4 * 4;
/** Usually there are about as many as connections. Each is read again when the part file was changed. */
const MAX_PARTIAL_RANGES = 16_384;
const MAX_DESCRIPTION_BYTES = 1024 * 1024;

/** No option allows smaller pieces. Many small pieces would need as many reads to check. */
const MIN_PIECE_BYTES = 16 * 1024;
const MAX_SMALL_PIECES = 1024;

/** The most pieces in a control file. Larger files get larger pieces. */
export const MAX_PIECES: number = 2 ** 20;

/** The bytes of a control file with an empty journal. */
export function encodeControl(record: ControlRecord): Uint8Array<ArrayBuffer> {
  const { bitmap, crcs } = record.progress;
  const json = new TextEncoder().encode(JSON.stringify(describe(record)));
  const crcsStart = HEAD_BYTES + json.length + bitmap.length;
  const bytes = new Uint8Array(crcsStart + crcs.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION);
  view.setUint32(12, json.length);
  view.setUint32(16, bitmap.length + crcs.byteLength);
  bytes.set(json, HEAD_BYTES);
  bytes.set(bitmap, HEAD_BYTES + json.length);
  // A loop, because a call for each of a million pieces would take ten times as long at every checkpoint.
  for (let piece = 0; piece < crcs.length; piece++) view.setUint32(crcsStart + 4 * piece, crcs[piece]!);
  view.setUint32(SEED_OFFSET, checksumOf(bytes));
  return bytes;
}

/**
 * Decodes the bytes of a control file. Every number is checked before it is used. Throws a `ControlFileError` for a
 * file that a newer version wrote.
 */
export function decodeControl(bytes: Uint8Array<ArrayBuffer>, path: string): DecodedControl {
  const damaged = (reason: string): DecodedControl => ({ kind: "damaged", reason });
  if (bytes.length < HEAD_BYTES) return damaged("it is too short");
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return damaged("it does not start with BYTEHAUL");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8);
  if (version > VERSION) {
    throw new ControlFileError(
      path,
      `Cannot resume from "${path}": it has format ${version}, this version of bytehaul reads up to ${VERSION}; update bytehaul, or choose another output`,
    );
  }
  if (version < FIRST_VERSION) return damaged("its version does not exist");
  const jsonLength = view.getUint32(12);
  const end = HEAD_BYTES + jsonLength + view.getUint32(16);
  const hasJournal = version === VERSION;
  if (hasJournal ? end > bytes.length : end !== bytes.length) return damaged("its length is wrong");
  if (view.getUint32(SEED_OFFSET) !== checksumOf(bytes.subarray(0, end))) {
    return damaged("its checksum is wrong");
  }
  if (jsonLength > MAX_DESCRIPTION_BYTES) return damaged("its description is too long");
  const json = bytes.subarray(HEAD_BYTES, HEAD_BYTES + jsonLength);
  const record = parseDescription(json, bytes.subarray(HEAD_BYTES + jsonLength, end));
  if (record === undefined) return damaged("its numbers do not fit together");
  if (!hasJournal) return { kind: "record", record, journal: [], extent: undefined };
  const extent = emptyJournal(bytes.subarray(0, end));
  const { file: { size = 0 }, progress: { pieceSize } } = record;
  const journal = decodeEntries(bytes.subarray(end), { seed: extent.seed, size, pieceSize });
  return { kind: "record", record, journal, extent: grown(extent, journal.length) };
}

/** The empty journal behind an encoded record. */
export function emptyJournal(record: Uint8Array<ArrayBuffer>): JournalExtent {
  const seed = new DataView(record.buffer, record.byteOffset).getUint32(SEED_OFFSET);
  const { length } = record;
  return { seed, start: length, synced: length, end: length };
}

/** The fields in the order in which all versions write them. An unknown size is written as 0. */
function describe({ file, part, progress: { pieceSize, partial } }: ControlRecord) {
  const { urlHash, queryHash, size = 0, validator } = file;
  const ranges = partial.slice(0, MAX_PARTIAL_RANGES).map(({ start, end, crc }) => [start, end, crc]);
  return {
    ...{ urlHash, queryHash, size, pieceSize, validator },
    ...{ partIdentity: part?.identity, partModifiedMs: part?.modifiedMs },
    partial: ranges,
  };
}

/** The CRC-32 of everything except its own field. */
function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(24), crc32(bytes.subarray(0, 20)));
}

/** `table` is the bitmap and the CRCs. */
function parseDescription(json: Uint8Array, table: Uint8Array<ArrayBuffer>): ControlRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { urlHash, queryHash, size, validator, pieceSize, partIdentity, partModifiedMs, partial } =
    value as Record<string, unknown>;
  if (typeof urlHash !== "string" || typeof queryHash !== "string") return undefined;
  if (!isOptionalText(partIdentity) || !isOptionalInteger(partModifiedMs)) return undefined;
  if (!isCount(size) || !isCount(pieceSize)) return undefined;
  const known = parseValidator(validator);
  const progress = parseProgress({ size, pieceSize, partial }, table);
  if (known === undefined || progress === undefined) return undefined;
  const part = parsePart(partIdentity, partModifiedMs);
  const file = { urlHash, queryHash, size: parseSize(size, part), validator: known };
  return { file, part, progress };
}

/** Without identity and time nothing is known about the part file. */
function parsePart(identity: string | undefined, modifiedMs: number | undefined): RecordedPart | undefined {
  return identity === undefined && modifiedMs === undefined ? undefined : { identity, modifiedMs };
}

/** A file of unknown size has no checkpoint. After a checkpoint, 0 means an empty file. */
function parseSize(size: number, part: RecordedPart | undefined): number | undefined {
  return size === 0 && part === undefined ? undefined : size;
}

/** The recorded progress, if it agrees with the table. */
function parseProgress(
  { size, pieceSize, partial }: { size: number; pieceSize: number; partial: unknown },
  table: Uint8Array<ArrayBuffer>,
): RecordedProgress | undefined {
  if (pieceSize === 0) return undefined;
  const pieces = Math.ceil(size / pieceSize);
  if (pieces > MAX_SMALL_PIECES && pieceSize < MIN_PIECE_BYTES) return undefined;
  const bitmapLength = Math.ceil(pieces / 8);
  if (pieces > MAX_PIECES || table.length !== bitmapLength + 4 * pieces) return undefined;
  const ranges = parseRanges(partial, size, pieceSize);
  if (ranges === undefined) return undefined;
  return {
    pieceSize,
    bitmap: table.slice(0, bitmapLength),
    crcs: parseCrcs(table.subarray(bitmapLength)),
    partial: ranges,
  };
}

function parseCrcs({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const view = new DataView(buffer, byteOffset, byteLength);
  const crcs = new Uint32Array(byteLength / 4);
  for (let piece = 0; piece < crcs.length; piece++) crcs[piece] = view.getUint32(4 * piece);
  return crcs;
}

function parseValidator(value: unknown): Validator | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { etag, lastModified, isYoung } = value as Record<string, unknown>;
  if (!isOptionalText(etag) || !isOptionalText(lastModified)) return undefined;
  return isYoung === true ? { etag, lastModified, isYoung } : { etag, lastModified };
}

/** Requires ascending ranges, so that none overlaps another. */
function parseRanges(value: unknown, size: number, pieceSize: number): CheckedRange[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_PARTIAL_RANGES) return undefined;
  const ranges: CheckedRange[] = [];
  let reached = 0;
  for (const item of value as unknown[]) {
    if (!Array.isArray(item) || item.length !== 3) return undefined;
    const [start, end, crc] = item as unknown[];
    if (!isCount(start) || !isCount(end) || start >= end || end > size) return undefined;
    if (Math.floor(start / pieceSize) !== Math.floor((end - 1) / pieceSize)) return undefined;
    if (!isCount(crc) || crc > 0xffff_ffff || start < reached) return undefined;
    reached = end;
    ranges.push({ start, end, crc });
  }
  return ranges;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isOptionalInteger(value: unknown): value is number | undefined {
  return value === undefined || Number.isSafeInteger(value);
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
