import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { ControlFileError } from "../../src/errors.ts";
import { PieceMap } from "../../src/plan/piece_map.ts";
import {
  decodeControl,
  type DecodedRecord,
  emptyJournal,
  encodeControl,
} from "../../src/storage/control_format.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { encodeEntries } from "../../src/storage/journal/journal_format.ts";
import type { CheckedRange } from "../../src/lib/crc32.ts";
import { claims } from "../helpers/disk/control_file.ts";
import { check } from "./fuzz_text.ts";
import type { Dice } from "./run_dice.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const HEAD_BYTES = 24;
const ODD_VALUES: readonly unknown[] = [
  ...[0, -1, 1, 0.5, 1e308, 2 ** 53, 2 ** 53 - 1, 2 ** 32, 65_536, NaN],
  ...["", "x", "65536", null, true, [], {}, [[0, 1, 2]], [[1, 0, 0]], [[0, 2 ** 53, 0]], [["0", 1, 1]]],
  ...[[[0, 1]], [[0, 10, -1]], [[0, 10, 2 ** 32]], { etag: 5 }, { etag: "a", lastModified: null }],
];

function randomRecord(dice: Dice): ControlRecord {
  const pieceSize = dice.pick([16_384, 65_536, 2 ** 20]);
  const size = dice.below(40 * pieceSize);
  const pieces = new PieceMap(size, pieceSize);
  for (let count = dice.below(30); count > 0 && size > 0; count--) {
    const start = Math.floor(dice.below(size) / pieceSize) * pieceSize;
    const end = Math.min(size, start + pieceSize);
    const range = dice.chance(0.7) ? { start, end } : { start, end: dice.between(start + 1, end) };
    pieces.add(range, dice.below(2 ** 32));
  }
  return {
    file: {
      urlHash: "ab".repeat(32),
      queryHash: "012345",
      size,
      validator: { etag: dice.pick(['"x"', undefined]), lastModified: dice.pick(["yesterday", undefined]) },
    },
    part: {
      identity: dice.pick(["1:2", undefined]),
      modifiedMs: dice.pick([1_700_000_000_000, undefined]),
    },
    progress: { pieceSize, ...pieces.snapshot() },
  };
}

/** A control file with the claims of a journal behind it. */
interface Whole {
  readonly bytes: Bytes;
  readonly recordBytes: number;
  readonly journal: readonly CheckedRange[];
}

function randomFile(dice: Dice): Whole {
  const record = randomRecord(dice);
  const { file: { size = 0 }, progress: { pieceSize } } = record;
  const encoded = encodeControl(record);
  const journal = Array.from({ length: size === 0 ? 0 : dice.below(20) }, () => {
    const start = dice.below(size);
    const end = dice.between(start + 1, Math.min(size, start - start % pieceSize + pieceSize));
    return { start, end, crc: dice.below(2 ** 32) };
  });
  const entries = encodeEntries(journal, emptyJournal(encoded).seed);
  return { bytes: Uint8Array.from([...encoded, ...entries]), recordBytes: encoded.length, journal };
}

/** Whether what was read of damaged bytes is a record as it was saved, with no claims but those of its journal. */
function isOf({ bytes, recordBytes, journal }: Whole, input: Bytes, decoded: DecodedRecord): boolean {
  const isIn = ({ start, end, crc }: CheckedRange) =>
    journal.some((one) => one.start === start && one.end === end && one.crc === crc);
  return Buffer.compare(bytes.subarray(0, recordBytes), input.subarray(0, recordBytes)) === 0 &&
    decoded.journal.every(isIn);
}

/** A control file of these parts, whose CRC is right. */
function seal(json: Bytes, table: Bytes, lengths = [json.length, table.length], version = 3): Bytes {
  const bytes = new Uint8Array(HEAD_BYTES + json.length + table.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("BYTEHAUL"));
  view.setUint32(8, version);
  view.setUint32(12, lengths[0]!);
  view.setUint32(16, lengths[1]!);
  bytes.set(json, HEAD_BYTES);
  bytes.set(table, HEAD_BYTES + json.length);
  view.setUint32(20, crc32(bytes.subarray(24), crc32(bytes.subarray(0, 20))));
  return bytes;
}

function damage(dice: Dice, bytes: Bytes, other: Bytes): Bytes {
  const at = dice.below(bytes.length);
  switch (dice.below(6)) {
    case 0: {
      const damaged = bytes.slice();
      for (let flips = dice.between(1, 8); flips > 0; flips--) {
        damaged[dice.below(bytes.length)]! ^= 1 << dice.below(8);
      }
      return damaged;
    }
    case 1:
      return bytes.slice(0, at);
    case 2:
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(dice.below(other.length))]);
    case 3:
      return Uint8Array.from([...bytes, ...other.subarray(0, dice.between(1, other.length))]);
    case 4:
      return bytes.slice().fill(dice.pick([0, 255]), at, at + dice.between(1, 512));
    default:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(dice.below(bytes.length))]);
  }
}

/** Other numbers, and a CRC that says they are right. */
function craft(dice: Dice, bytes: Bytes): Bytes {
  const jsonLength = new DataView(bytes.buffer).getUint32(12);
  const description = JSON.parse(
    new TextDecoder().decode(bytes.subarray(HEAD_BYTES, HEAD_BYTES + jsonLength)),
  );
  for (let changes = dice.between(1, 3); changes > 0; changes--) {
    const key = dice.pick(Object.keys(description));
    if (dice.chance(0.2)) delete description[key];
    else description[key] = dice.pick(ODD_VALUES);
  }
  const json = new TextEncoder().encode(dice.chance(0.05) ? "[1" : JSON.stringify(description));
  const tableLength = new DataView(bytes.buffer).getUint32(16);
  let table = bytes.slice(HEAD_BYTES + jsonLength, HEAD_BYTES + jsonLength + tableLength);
  if (dice.chance(0.3)) table = damage(dice, table.length > 0 ? table : new Uint8Array(1), bytes);
  const lengths = dice.chance(0.1)
    ? [dice.pick([0, 2 ** 31, 2 ** 32 - 1, json.length + 1]), table.length]
    : undefined;
  const sealed = seal(json, table, lengths, dice.pick([2, 3, 3, 3, 0, 1, 4, 2 ** 32 - 1]));
  return dice.chance(0.5) ? sealed : Uint8Array.from([...sealed, ...oddEntries(dice, sealed)]);
}

/** Entries with any numbers, whose checks are right. */
function oddEntries(dice: Dice, sealed: Bytes): Bytes {
  const odd = () => dice.pick([0, 1, dice.below(2 ** 32), 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 63]);
  const ranges = Array.from({ length: dice.between(1, 5) }, () => {
    const start = odd();
    return { start, end: start + odd(), crc: dice.below(2 ** 32) };
  });
  return encodeEntries(ranges, emptyJournal(sealed).seed);
}

/** What is read must fit together, whoever wrote it. */
function checkRecord({ record, journal }: DecodedRecord, input: Bytes): void {
  const { file: { size = 0 }, progress } = record;
  const { pieceSize, bitmap, crcs, partial } = progress;
  check(Number.isSafeInteger(size) && size >= 0, "a size that is none", size);
  check(Number.isSafeInteger(pieceSize) && pieceSize > 0, "a piece size that is none", pieceSize);
  const count = Math.ceil(size / pieceSize);
  check(crcs.length === count && bitmap.length === Math.ceil(count / 8), "tables of another size", count);
  check(crcs.byteLength + bitmap.length < input.length, "more in memory than in the file", count);
  for (const range of partial) {
    check(0 <= range.start && range.start < range.end && range.end <= size, "a range out of the file", range);
  }
  for (const { start, end } of journal) {
    check(0 <= start && start < end && end <= size, "an entry out of the file", { start, end });
    const isInOne = Math.floor(start / pieceSize) === Math.floor((end - 1) / pieceSize);
    check(isInOne, "an entry of two pieces", { start, end });
  }
  const pieces = claims(record, journal);
  let [end, sum] = [0, 0];
  for (const range of pieces.known()) {
    check(range.start >= end && range.end <= size, "ranges that overlap", range);
    end = range.end;
    sum += range.end - range.start;
  }
  check(sum === pieces.doneBytes && sum <= size, "a sum that is wrong", {
    sum,
    done: pieces.doneBytes,
    size,
  });
  const again = decodeControl(encodeControl(record), "again");
  check(again.kind === "record", "a record that cannot be stored again", again);
}

/** One control file that is not what it was. */
export function fuzzControl(dice: Dice): void {
  const [file, other] = [randomFile(dice), randomFile(dice)];
  const isCrafted = dice.chance(0.4);
  const input = isCrafted ? craft(dice, file.bytes) : damage(dice, file.bytes, other.bytes);
  try {
    const decoded = decodeControl(input, "file.bytehaul");
    if (decoded.kind === "damaged") return;
    const isWhole = [file, other].some((one) => isOf(one, input, decoded));
    check(isCrafted || isWhole, "damage was not noticed", Buffer.from(input).toString("hex"));
    checkRecord(decoded, input);
  } catch (error) {
    const isNewer = error instanceof ControlFileError && new DataView(input.buffer).getUint32(8) > 3;
    if (!isNewer) throw error;
  }
}
