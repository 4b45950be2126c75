import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { type ControlRecord, decodeControl, encodeControl } from "../../src/storage/control_format.ts";
import { CONTROL_FILES } from "../helpers/control_fixture.ts";

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
    ...{ ...URL_HASHES, size: 3_000_000, pieceSize: 2 ** 20 },
    validator: { etag: '"5f3a-61c"', lastModified: DATE },
    ...{ partIdentity: undefined, partModifiedMs: undefined },
    ...NOTHING,
  },
  unknown: {
    ...{ ...URL_HASHES, size: 0, pieceSize: 2 ** 20 },
    validator: { etag: undefined, lastModified: undefined },
    ...{ partIdentity: undefined, partModifiedMs: undefined },
    ...EMPTY,
  },
  checkpoint: {
    ...{ ...URL_HASHES, size: 300_000, pieceSize: 65_536 },
    validator: { etag: undefined, lastModified: DATE, isYoung: true },
    ...{ partIdentity: "2049:1234567", partModifiedMs: 1_795_000_000_123 },
    ...SOME,
  },
  notime: {
    ...{ ...URL_HASHES, size: 300_000, pieceSize: 65_536 },
    validator: { etag: 'W/"ü"', lastModified: undefined },
    ...{ partIdentity: undefined, partModifiedMs: 1_795_000_000_123 },
    ...SOME,
  },
  nopart: {
    ...{ ...URL_HASHES, size: 300_000, pieceSize: 65_536 },
    validator: { etag: '"a"', lastModified: undefined },
    ...{ partIdentity: undefined, partModifiedMs: undefined },
    ...SOME,
  },
  empty: {
    ...{ ...URL_HASHES, size: 0, pieceSize: 65_536 },
    validator: { etag: '"a"', lastModified: undefined },
    ...{ partIdentity: "2049:9", partModifiedMs: 5 },
    ...EMPTY,
  },
  run: {
    ...{
      urlHash: "f5aa33fb49f63ed3e1caaddbb61b5a34f0ea83e2ae698ac42c481ebc419e900c",
      queryHash: "e3b0c4",
      size: 400_000,
      pieceSize: 65_536,
    },
    validator: { etag: '"1-61a80"', lastModified: "Mon, 01 Jan 2024 00:00:01 GMT", isYoung: false },
    ...{ partIdentity: "65024:10020991", partModifiedMs: 1796083456244 },
    ...{
      bitmap: Uint8Array.of(0b111),
      crcs: Uint32Array.of(744984663, 4160499286, 861800610, 0, 0, 0, 0),
      partial: [{ start: 196608, end: 209715, crc: 52325646 }],
    },
  },
};

for (const name of Object.keys(CONTROL_FILES) as Name[]) {
  const bytes = new Uint8Array(Buffer.from(CONTROL_FILES[name], "base64"));

  test(`the control file "${name}" is written byte for byte as it always was`, () => {
    assert.deepEqual(encodeControl(RECORDS[name]), bytes);
  });

  test(`the control file "${name}" is read`, () => {
    const { validator, ...record } = RECORDS[name];
    const { isYoung, ...version } = validator;
    assert.deepEqual(decodeControl(bytes, "out.bin.bytehaul"), {
      kind: "record",
      record: { ...record, validator: { ...version, ...isYoung && { isYoung } } },
    });
  });
}
