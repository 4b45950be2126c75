import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { decodeControl, emptyJournal, encodeControl } from "../../src/storage/control_format.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { encodeEntries } from "../../src/storage/journal/journal_format.ts";
import { CONTROL_FILES } from "../helpers/disk/control_fixture.ts";

type Name = keyof typeof CONTROL_FILES;

const URL_HASHES = { urlHash: "0123456789abcdef".repeat(4), queryHash: "e3b0c4" };
const NOTHING = { bitmap: new Uint8Array(1), crcs: new Uint32Array(3), partial: [] };
const SOME = {
  bitmap: Uint8Array.of(0b1_0001),
  crcs: Uint32Array.of(0xdeadbeef, 0, 0, 0, 77),
  partial: [
    { start: 65_536, end: 70_000, crc: 1 },
    { start: 131_077, end: 131_082, crc: 0xffff_ffff },
  ],
};
const EMPTY = { bitmap: new Uint8Array(0), crcs: new Uint32Array(0), partial: [] };
const DATE = "Mon, 23 Nov 2026 10:00:00 GMT";

/** What each of the files says. */
const RECORDS: Readonly<Record<Name, ControlRecord>> = {
  begun: {
    file: { ...URL_HASHES, size: 3_000_000, validator: { etag: '"5f3a-61c"', lastModified: DATE } },
    part: undefined,
    progress: { pieceSize: 2 ** 20, ...NOTHING },
  },
  unknown: {
    file: { ...URL_HASHES, size: undefined, validator: { etag: undefined, lastModified: undefined } },
    part: undefined,
    progress: { pieceSize: 2 ** 20, ...EMPTY },
  },
  checkpoint: {
    file: {
      ...{ ...URL_HASHES, size: 300_000 },
      validator: { etag: undefined, lastModified: DATE, isYoung: true },
    },
    part: { identity: "2049:1234567", modifiedMs: 1_795_000_000_123 },
    progress: { pieceSize: 65_536, ...SOME },
  },
  notime: {
    file: { ...URL_HASHES, size: 300_000, validator: { etag: 'W/"ü"', lastModified: undefined } },
    part: { identity: undefined, modifiedMs: 1_795_000_000_123 },
    progress: { pieceSize: 65_536, ...SOME },
  },
  nopart: {
    file: { ...URL_HASHES, size: 300_000, validator: { etag: '"a"', lastModified: undefined } },
    part: undefined,
    progress: { pieceSize: 65_536, ...SOME },
  },
  empty: {
    file: { ...URL_HASHES, size: 0, validator: { etag: '"a"', lastModified: undefined } },
    part: { identity: "2049:9", modifiedMs: 5 },
    progress: { pieceSize: 65_536, ...EMPTY },
  },
  run: {
    file: {
      urlHash: "f5aa33fb49f63ed3e1caaddbb61b5a34f0ea83e2ae698ac42c481ebc419e900c",
      queryHash: "e3b0c4",
      size: 400_000,
      validator: { etag: '"1-61a80"', lastModified: "Mon, 01 Jan 2024 00:00:01 GMT", isYoung: false },
    },
    part: { identity: "65024:10020991", modifiedMs: 1796083456244 },
    progress: {
      pieceSize: 65_536,
      bitmap: Uint8Array.of(0b111),
      crcs: Uint32Array.of(744984663, 4160499286, 861800610, 0, 0, 0, 0),
      partial: [{ start: 196608, end: 209715, crc: 52325646 }],
    },
  },
};

/** The same file in format 3, which may have a journal behind it. */
function inFormat3(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const newer = Buffer.from(bytes);
  newer.writeUInt32BE(3, 8);
  newer.writeUInt32BE(crc32(newer.subarray(24), crc32(newer.subarray(0, 20))), 20);
  return new Uint8Array(newer);
}

for (const name of Object.keys(CONTROL_FILES) as Name[]) {
  const bytes = new Uint8Array(Buffer.from(CONTROL_FILES[name], "base64"));

  test(`the control file "${name}" is written byte for byte as format 2 was, but for its version`, () => {
    assert.deepEqual(encodeControl(RECORDS[name]), inFormat3(bytes));
  });

  test(`the control file "${name}" of format 2 is read`, () => {
    const { file, ...record } = RECORDS[name];
    const { isYoung, ...version } = file.validator;
    assert.deepEqual(decodeControl(bytes, "out.bin.bytehaul"), {
      ...{ kind: "record", journal: [], extent: undefined },
      record: { ...record, file: { ...file, validator: { ...version, ...isYoung && { isYoung } } } },
    });
  });
}

/** Two entries behind the control file "begun" in format 3. */
const JOURNAL = "AAAAAAAAAAAAAAAAABAAAN6tvu+HeR7wAAAAAAAgAAAAAAAAAAAAAQAAAAeWvnz1";

test("a journal is written and read byte for byte as it always was", () => {
  const record = encodeControl(RECORDS.begun);
  const { seed } = emptyJournal(record);
  const journal = [
    { start: 0, end: 1_048_576, crc: 0xdead_beef },
    { start: 2_097_152, end: 2_097_153, crc: 7 },
  ];
  assert.equal(Buffer.from(encodeEntries(journal, seed)).toString("base64"), JOURNAL);
  const decoded = decodeControl(Uint8Array.from([...record, ...Buffer.from(JOURNAL, "base64")]), "");
  assert.deepEqual(decoded.kind === "record" && decoded.journal, journal);
});
