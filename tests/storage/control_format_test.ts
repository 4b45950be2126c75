import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { ControlFileError } from "../../src/errors.ts";
import {
  decodeControl,
  type DecodedControl,
  emptyJournal,
  encodeControl,
  MAX_PIECES,
} from "../../src/storage/control_format.ts";
import type { ControlRecord, RecordedProgress } from "../../src/storage/control_record.ts";
import { encodeEntries } from "../../src/storage/journal/journal_format.ts";
import { seededRandom } from "../../testing/content.ts";

const PATH = "/x/out.bin.bytehaul";
const HEAD_BYTES = 24;

/** 1000 bytes in pieces of 100, of which some are there. */
const RECORD: ControlRecord = {
  file: {
    urlHash: "ab".repeat(32),
    queryHash: "abcdef",
    size: 1000,
    validator: { etag: '"a"', lastModified: "Sun, 06 Nov 1994 08:49:37 GMT" },
  },
  part: { identity: "1:2", modifiedMs: 784_111_777_123 },
  progress: {
    pieceSize: 100,
    bitmap: new Uint8Array([0b0000_0111, 0b10]),
    crcs: new Uint32Array([1, 0xffff_ffff, 0x0102_0304, 0, 0, 0, 0, 0, 0, 5]),
    partial: [{ start: 300, end: 350, crc: 7 }, { start: 420, end: 430, crc: 0xffff_ffff }],
  },
};
const { file: FILE, part: PART, progress: PROGRESS } = RECORD;
const NO_PIECES = { bitmap: new Uint8Array(0), crcs: new Uint32Array(0), partial: [] };
const RANGES = [[300, 350, 7], [420, 430, 0xffff_ffff]];

/** What follows the description: the bitmap, and the CRCs with their highest byte first. */
function tableOf({ bitmap, crcs }: Pick<RecordedProgress, "bitmap" | "crcs">): Buffer {
  const table = Buffer.alloc(bitmap.length + 4 * crcs.length);
  table.set(bitmap);
  crcs.forEach((crc, piece) => table.writeUInt32BE(crc, bitmap.length + 4 * piece));
  return table;
}
const TABLE = tableOf(PROGRESS);

const decode = (bytes: Uint8Array<ArrayBuffer>): DecodedControl => decodeControl(bytes, PATH);

/** A control file with any description and table, with lengths and checksum that fit. */
function seal(description: string | Uint8Array, table: Uint8Array = TABLE, version = 3) {
  const json = Buffer.from(description);
  const head = Buffer.alloc(HEAD_BYTES);
  head.write("BYTEHAUL");
  head.writeUInt32BE(version, 8);
  head.writeUInt32BE(json.length, 12);
  head.writeUInt32BE(table.length, 16);
  const rest = Buffer.concat([json, table]);
  head.writeUInt32BE(crc32(rest, crc32(head.subarray(0, 20))), 20);
  return new Uint8Array(Buffer.concat([head, rest]));
}

/** The description of `RECORD`, with changes. */
function describe(changes: Readonly<Record<string, unknown>> = {}): string {
  const { validator, ...file } = FILE;
  return JSON.stringify({
    ...{ ...file, pieceSize: PROGRESS.pieceSize, validator },
    ...{ partIdentity: PART?.identity, partModifiedMs: PART?.modifiedMs, partial: RANGES },
    ...changes,
  });
}

/** What is read of a file with nothing but `record`. */
function recordAlone(record: ControlRecord): DecodedControl {
  const bytes = encodeControl(record);
  return { kind: "record", record, journal: [], extent: emptyJournal(bytes) };
}

function assertDamaged(bytes: Uint8Array<ArrayBuffer>, what: string): void {
  const decoded = decode(bytes);
  assert.equal(decoded.kind, "damaged", what);
  assert.ok(decoded.kind === "damaged" && decoded.reason.startsWith("it"), what);
}

test("a record reads back as it was", () => {
  const records: ControlRecord[] = [
    RECORD,
    {
      ...RECORD,
      progress: { ...PROGRESS, partial: [{ start: 0, end: 1, crc: 0 }, { start: 990, end: 1000, crc: 1 }] },
    },
    { ...RECORD, part: undefined },
    { ...RECORD, part: { identity: "1:2", modifiedMs: undefined } },
    { ...RECORD, part: { identity: undefined, modifiedMs: -1 } },
    { ...RECORD, file: { ...FILE, validator: { etag: undefined, lastModified: undefined } } },
    { ...RECORD, file: { ...FILE, validator: { etag: 'W/"ü \\" 日本"', lastModified: "rubbish" } } },
    { ...RECORD, file: { ...FILE, size: 0 }, progress: { ...PROGRESS, ...NO_PIECES } },
    {
      ...{ file: { ...FILE, size: undefined }, part: undefined },
      progress: { ...PROGRESS, ...NO_PIECES },
    },
    {
      ...{ ...RECORD, file: { ...FILE, size: 2 ** 53 - 1 } },
      progress: {
        ...{ pieceSize: 2 ** 52, partial: [] },
        ...{ bitmap: new Uint8Array([1]), crcs: new Uint32Array([9, 0]) },
      },
    },
    {
      ...{ ...RECORD, file: { ...FILE, size: MAX_PIECES * 2 ** 14 } },
      progress: {
        pieceSize: 2 ** 14,
        bitmap: new Uint8Array(MAX_PIECES / 8).fill(0xa5),
        crcs: new Uint32Array(MAX_PIECES).map((_, piece) => piece * 4099),
        partial: [],
      },
    },
  ];
  for (const record of records) {
    assert.deepEqual(decode(encodeControl(record)), recordAlone(record));
  }
});

test("records at random read back as they were", () => {
  const random = seededRandom(3);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let round = 0; round < 200; round++) {
    const size = 1 + below(2 ** 40);
    const pieceSize = Math.max(1, Math.ceil(size / (1 + below(3000))));
    const pieces = Math.ceil(size / pieceSize);
    const bitmap = new Uint8Array(Math.ceil(pieces / 8)).map(() => below(256));
    const crcs = new Uint32Array(pieces).map(() => below(2 ** 32));
    const partial = Array.from({ length: below(20) }, () => {
      const start = below(size);
      const pieceEnd = Math.min(size, start - start % pieceSize + pieceSize);
      return { start, end: start + 1 + below(pieceEnd - start), crc: below(2 ** 32) };
    }).sort((a, b) => a.start - b.start).filter(({ start }, at, all) =>
      at === 0 || all[at - 1]!.end <= start
    );
    const progress = { pieceSize, bitmap, crcs, partial };
    const record = { ...RECORD, file: { ...FILE, size }, progress };
    assert.deepEqual(decode(encodeControl(record)), recordAlone(record));
  }
});

test("the form on disk is fixed, so that other versions can read it", () => {
  const bytes = encodeControl(RECORD);
  assert.deepEqual(bytes, seal(describe()));
  assert.equal(new TextDecoder().decode(bytes.subarray(0, 8)), "BYTEHAUL");
});

test("61: a flipped bit is caught, whichever it is", () => {
  const good = encodeControl(RECORD);
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bytes = good.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    try {
      assertDamaged(bytes, `bit ${bit}`);
    } catch (error) {
      if (!(error instanceof ControlFileError)) throw error;
      assert.ok(bit >= 8 * 8 && bit < 12 * 8, `bit ${bit} is not of the version`);
    }
  }
});

test("61: two flipped bits are caught", () => {
  const good = encodeControl(RECORD);
  const random = seededRandom(4);
  for (let round = 0; round < 5000; round++) {
    const bytes = good.slice();
    for (let flip = 0; flip < 2; flip++) {
      const at = 12 + Math.floor(random() * (good.length - 12));
      bytes[at]! ^= 1 << Math.floor(random() * 8);
    }
    if (Buffer.compare(bytes, good) !== 0) assertDamaged(bytes, `round ${round}`);
  }
});

test("60: one that was cut is damaged, and so is one without a journal that goes on", () => {
  const good = encodeControl(RECORD);
  for (let length = 0; length < good.length; length++) {
    assertDamaged(good.slice(0, length), `${length} bytes`);
  }
  const older = seal(describe(), TABLE, 2);
  assertDamaged(new Uint8Array([...older, 0]), "one byte more");
  assertDamaged(new Uint8Array([...older, ...older]), "twice the same");
});

test("one of the version without a journal is read", () => {
  const record = { kind: "record", record: RECORD, journal: [], extent: undefined };
  assert.deepEqual(decode(seal(describe(), TABLE, 2)), record);
});

test("61: what follows a record and is no journal of it claims nothing", () => {
  const good = encodeControl(RECORD);
  const entries = encodeEntries([{ start: 500, end: 510, crc: 1 }], emptyJournal(good).seed + 1);
  for (const tail of [[0], new Array(1000).fill(0), new Array(1000).fill(255), [...good], [...entries]]) {
    assert.deepEqual(decode(new Uint8Array([...good, ...tail])), recordAlone(RECORD));
  }
});

test("the journal of a record is read up to the first entry that is wrong", () => {
  const good = encodeControl(RECORD);
  const extent = emptyJournal(good);
  const journal = [{ start: 500, end: 510, crc: 1 }, { start: 700, end: 800, crc: 0xffff_ffff }];
  const entries = encodeEntries(journal, extent.seed);
  const end = extent.end + entries.length;
  const whole = new Uint8Array([...good, ...entries]);
  assert.deepEqual(decode(whole), { kind: "record", record: RECORD, journal, extent: { ...extent, end } });
  assert.deepEqual(decode(new Uint8Array([...whole, 7, 7])), decode(whole));
  whole[extent.end + 30]! ^= 1;
  const cut = { ...extent, end: extent.end + entries.length / 2 };
  assert.deepEqual(decode(whole), {
    ...{ kind: "record", record: RECORD },
    ...{ journal: journal.slice(0, 1), extent: cut },
  });
});

test("60: what is none is damaged", () => {
  const random = seededRandom(5);
  for (const length of [0, 1, 8, 24, 25, 1000]) {
    assertDamaged(new Uint8Array(length), `${length} zeros`);
    assertDamaged(new Uint8Array(length).fill(255), `${length} times 255`);
    assertDamaged(new Uint8Array(length).map(() => random() * 256), `${length} at random`);
  }
  assertDamaged(new Uint8Array(Buffer.from("<html><body>not found</body></html>")), "a page");
});

const MAX = Number.MAX_SAFE_INTEGER;
const CRAFTED: readonly (readonly [what: string, description: string, table?: Uint8Array])[] = [
  ["a piece size of zero", describe({ pieceSize: 0 })],
  ["a negative piece size", describe({ pieceSize: -100 })],
  ["a piece size with a fraction", describe({ pieceSize: 99.5 })],
  ["a piece size that is text", describe({ pieceSize: "100" })],
  ["a piece size that is too large to count", describe({ pieceSize: 1e300 })],
  ["no piece size", describe({ pieceSize: undefined })],
  ["a negative size", describe({ size: -1 })],
  ["a size with a fraction", describe({ size: 999.5 })],
  ["a size beyond 2^53", describe({ size: 2 ** 53 })],
  ["a size that is null", describe({ size: null })],
  ["a size that makes too many pieces", describe({ size: MAX, pieceSize: 1 })],
  [
    "one piece too many",
    describe({ size: MAX_PIECES + 1, pieceSize: 1, partial: [] }),
    new Uint8Array(MAX_PIECES / 8 + 1 + 4 * (MAX_PIECES + 1)),
  ],
  ["a bitmap that is too short", describe(), TABLE.subarray(1)],
  ["a CRC that is cut", describe(), TABLE.subarray(0, -1)],
  ["a CRC too few", describe(), TABLE.subarray(0, -4)],
  ["a CRC too many", describe(), Buffer.concat([TABLE, Buffer.alloc(4)])],
  ["no CRC", describe(), PROGRESS.bitmap],
  ["no bitmap and no CRC", describe(), new Uint8Array(0)],
  ["a range beyond the end", describe({ partial: [[990, 1001, 1]] })],
  ["a range that is empty", describe({ partial: [[5, 5, 1]] })],
  ["a range that runs backwards", describe({ partial: [[9, 5, 1]] })],
  ["a range that starts before the file", describe({ partial: [[-1, 5, 1]] })],
  ["a range with a fraction", describe({ partial: [[0.5, 5, 1]] })],
  ["a range that overlaps the one before it", describe({ partial: [[300, 320, 1], [319, 330, 1]] })],
  ["ranges that do not ascend", describe({ partial: [[420, 430, 1], [300, 320, 1]] })],
  ["a range of two pieces", describe({ partial: [[350, 401, 1]] })],
  ["a range of two numbers", describe({ partial: [[1, 2]] })],
  ["a range of four numbers", describe({ partial: [[1, 2, 3, 4]] })],
  ["a CRC of 33 bits", describe({ partial: [[1, 2, 2 ** 32]] })],
  ["a negative CRC", describe({ partial: [[1, 2, -1]] })],
  ["a time with a fraction", describe({ partModifiedMs: 0.5 })],
  ["a time that is text", describe({ partModifiedMs: "5" })],
  ["a range that is an object", describe({ partial: [{ start: 1, end: 2, crc: 3 }] })],
  ["a range that is null", describe({ partial: [null] })],
  ["ranges that are text", describe({ partial: "12" })],
  ["ranges that are like an array", describe({ partial: { length: 1, 0: [1, 2, 3] } })],
  ["no ranges", describe({ partial: undefined })],
  [
    "more ranges than there are connections in the world",
    describe({ partial: Array(100_001).fill([1, 2, 3]) }),
  ],
  ["a hash that is a number", describe({ urlHash: 5 })],
  ["no hash", describe({ urlHash: undefined })],
  ["an identity that is a number", describe({ partIdentity: 5 })],
  ["no validator", describe({ validator: undefined })],
  ["a validator that is null", describe({ validator: null })],
  ["an ETag that is a number", describe({ validator: { etag: 5 } })],
  ["a date that is an object", describe({ validator: { lastModified: {} } })],
  ["null", "null"],
  ["a number", "5"],
  ["an array", "[]"],
  ["nothing", ""],
  ["half of a description", describe().slice(0, 50)],
  ["a description that goes on", `${describe()}{}`],
];

for (const [what, description, table] of CRAFTED) {
  test(`62: a description with ${what} is damaged, and does not throw`, () => {
    assertDamaged(seal(description, table), what);
  });
}

test("62: text that is no UTF-8 is damaged", () => {
  const json = Buffer.from(describe());
  json[json.indexOf("ab")] = 0xff;
  assertDamaged(seal(json), "a byte that is no UTF-8");
});

test("62: lengths that overflow are damaged, and nothing is allocated for them", () => {
  for (const [json, table] of [[0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 42], [0, 0], [2 ** 31, 2 ** 31]]) {
    const bytes = encodeControl(RECORD);
    const view = new DataView(bytes.buffer);
    view.setUint32(12, json!);
    view.setUint32(16, table!);
    assertDamaged(bytes, `${json} and ${table}`);
  }
});

test("62: lengths that do not add up are damaged, also where the checksum fits", () => {
  for (const [json, table] of [[0, 0], [-1, 0], [0, -1], [1, -2]] as const) {
    const bytes = Buffer.from(seal(describe()));
    bytes.writeUInt32BE(bytes.readUInt32BE(12) + json, 12);
    bytes.writeUInt32BE(bytes.readUInt32BE(16) + table, 16);
    bytes.writeUInt32BE(crc32(bytes.subarray(24), crc32(bytes.subarray(0, 20))), 20);
    const decoded = decode(new Uint8Array(bytes));
    assert.equal(decoded.kind, json === 0 && table === 0 ? "record" : "damaged", `${json}, ${table}`);
  }
});

test("62: names that every object has mean nothing", () => {
  const decoded = decode(
    seal(describe({ more: 1, constructor: 2 }).replace("{", '{"__proto__": {"size": 5},')),
  );
  assert.equal(decoded.kind, "record");
  assert.deepEqual(decoded.kind === "record" && decoded.record, RECORD);
});

test("63: one of a newer version is refused, whatever else is in it", () => {
  for (const bytes of [seal(describe(), TABLE, 4), seal("", new Uint8Array(0), 0xffff_ffff)]) {
    bytes.fill(0, 20);
    assert.throws(() => decode(bytes), (error: unknown) => {
      assert.ok(error instanceof ControlFileError);
      assert.deepEqual([error.code, error.path], ["control_file", PATH]);
      assert.match(error.message, /^Cannot resume from "\/x\/out\.bin\.bytehaul": .*update bytehaul/);
      return true;
    });
  }
});

test("a version before the first is damaged", () => {
  for (const version of [0, 1]) assertDamaged(seal(describe(), TABLE, version), `version ${version}`);
});
