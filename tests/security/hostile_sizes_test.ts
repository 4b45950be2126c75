// Files that were made to cost time or memory. The bounds are wide: what they rule out takes many times as long.
import assert from "node:assert/strict";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { verify } from "../../mod.ts";
import { findInChecksumList } from "../../src/integrity/checksum_list.ts";
import { PieceMap } from "../../src/plan/piece_map.ts";
import { encodeControl, MAX_PIECES } from "../../src/storage/control_format.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { type ControlFields, readControl, withFields } from "../helpers/disk/control_file.ts";
import { seededRandom } from "../../testing/content.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { downloadOn } from "../faults/disk.ts";
import { fileWith, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const MIB = 2 ** 20;
const DIGEST = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const WANTED = `${DIGEST}  file.bin\n`;

/** How many times as long eight times as much may take. Work that takes the square of its size takes 64 times. */
const MOST_TIMES = 24;
/** Shorter work says nothing. */
const NOISE_MS = 50;

/** Checks that work does not take the square of its size, whatever else the machine does. */
function assertNoSquare(size: number, work: (size: number) => void): void {
  const bestOf = (runs: number, some: number) =>
    Math.min(...Array.from({ length: runs }, () => {
      const startedMs = performance.now();
      work(some);
      return performance.now() - startedMs;
    }));
  const [smallMs, largeMs] = [bestOf(3, size / 8), bestOf(2, size)];
  const most = Math.max(smallMs, NOISE_MS) * MOST_TIMES;
  assert.ok(largeMs < most, `${largeMs} ms, and an eighth of it ${smallMs} ms`);
}

/** Lists of about so many bytes. */
const LISTS: Readonly<Record<string, (bytes: number) => string>> = {
  "lines of nothing": (bytes) => "\n".repeat(bytes) + WANTED,
  "lines of one letter": (bytes) => "a\n".repeat(bytes / 2) + WANTED,
  "lines of blanks": (bytes) => "  \t\r\n".repeat(bytes / 5) + WANTED,
  "one line without an end": (bytes) => WANTED + "a".repeat(bytes),
  "one line of a digest without an end": (bytes) => WANTED + "ab".repeat(bytes / 2),
  "one line that is nearly BSD's": (bytes) => `${WANTED}SHA256 (${") = a".repeat(bytes / 5)}`,
  "many lines that are nearly BSD's": (bytes) =>
    `SHA256 (${") = a".repeat(1600)}z\n`.repeat(bytes / 8000) + WANTED,
  "a line of blanks without an end": (bytes) => WANTED + " ".repeat(bytes) + "x",
  "digests of other files": (bytes) => `${OTHER}  x\n`.repeat(bytes / 68) + WANTED,
  "digests of this one": (bytes) => WANTED.repeat(bytes / 75),
};

for (const [what, make] of Object.entries(LISTS)) {
  test(`125 a checksum list of ${what} is read line by line`, () => {
    assertNoSquare(8 * MIB, (bytes) => {
      assert.equal(findInChecksumList(make(bytes), "file.bin", "SHA256SUMS")?.hex, DIGEST);
    });
  });
}

test("125 a digest behind a line that says nothing stands not alone", () => {
  assert.equal(findInChecksumList(DIGEST, "file.bin", "x")?.hex, DIGEST);
  assert.equal(findInChecksumList(`# comment\n\n${DIGEST}\n`, "file.bin", "x")?.hex, DIGEST);
  for (const other of ["a", "a".repeat(20_000), " ".repeat(20_000)]) {
    assert.equal(findInChecksumList(`${DIGEST}\n${other}\n`, "file.bin", "x"), undefined);
    assert.equal(findInChecksumList(`${other}\n${DIGEST}\n`, "file.bin", "x"), undefined);
  }
});

test("125 two digests for one file are an error still, of the strongest function alone", () => {
  const weak = `${"1".repeat(32)}  file.bin\n${"2".repeat(32)}  file.bin\n`;
  assert.equal(findInChecksumList(weak + WANTED, "file.bin", "x")?.hex, DIGEST);
  assert.equal(findInChecksumList(WANTED + weak, "file.bin", "x")?.hex, DIGEST);
  const differing = `${OTHER}  file.bin\n${WANTED}`;
  assert.throws(() => findInChecksumList(differing + weak, "file.bin", "x"), { code: "checksum_list" });
});

/** The order in which ranges arrive. */
const ORDERS: Readonly<Record<string, (starts: number[]) => number[]>> = {
  "in order": (starts) => starts,
  "from the end": (starts) => starts.toReversed(),
  "at random": (starts) => {
    const random = seededRandom(125);
    return starts.toSorted(() => random() - 0.5);
  },
};

for (const [name, arrange] of Object.entries(ORDERS)) {
  test(`125 many ranges in one piece do not cost the square of their number: ${name}`, () => {
    assertNoSquare(24_000, (count) => {
      const order = arrange(Array.from({ length: count }, (_, index) => 3 * index));
      const pieces = new PieceMap(3 * count, 4 * count);
      for (const start of order) pieces.add({ start, end: start + 1 }, start);
      for (const start of order) pieces.add({ start, end: start + 2 }, 0); // overlaps
      assert.equal(pieces.doneBytes, count);
      assert.equal([...pieces.known()].length, count);
    });
  });
}

/** What a crafted control file claims. */
const CLAIMS: Readonly<Record<string, (record: ControlRecord) => ControlFields>> = {
  "100,000 ranges that overlap in one piece": () => ({
    partial: Array.from({ length: 100_000 }, () => ({ start: 5, end: 10, crc: 0 })),
  }),
  "100,000 ranges of one byte": () => ({
    partial: Array.from(
      { length: 100_000 },
      (_, index) => ({ start: 2 * index, end: 2 * index + 1, crc: 0 }),
    ),
  }),
  "a million pieces of one byte": () => ({
    ...{ size: MAX_PIECES, pieceSize: 1, partial: [] },
    ...{ bitmap: new Uint8Array(MAX_PIECES / 8).fill(255), crcs: new Uint32Array(MAX_PIECES) },
  }),
  "a million pieces behind the end of the file": ({ progress: { pieceSize } }) => ({
    ...{ size: MAX_PIECES * pieceSize, partial: [] },
    ...{ bitmap: new Uint8Array(MAX_PIECES / 8).fill(255), crcs: new Uint32Array(MAX_PIECES) },
  }),
};

for (const [what, claim] of Object.entries(CLAIMS)) {
  test(`125 a control file with ${what} costs few reads`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { spec: { pieceSize: 2 ** 20 } });
    const record = (await readControl(left.controlPath))!;
    await writeFile(left.controlPath, encodeAll(withFields(record, { partModifiedMs: 1, ...claim(record) })));
    let reads = 0;
    const runtime = runtimeWith({
      file: (file) => fileWith(file, { read: (buffer, position) => (reads++, file.read(buffer, position)) }),
    });
    await verify(left.path).catch(() => {});
    const { resumedBytes } = await downloadOn(runtime, { ...left.spec, maxRetries: 0 });
    assert.equal(resumedBytes, 0);
    assert.ok(reads < 20_000, `${reads} reads`);
  });
}

/** As `encodeControl`, however many ranges there are. */
function encodeAll(record: ControlRecord): Uint8Array {
  const { partial } = record.progress;
  return encodeControl(
    withFields(record, { partial: Object.assign([...partial], { slice: () => partial }) }),
  );
}

test("125 a control file of gigabytes is not read", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const before = await readFile(left.controlPath);
  await truncate(left.controlPath, 2 ** 33);
  assert.equal((await left.resume()).resumedBytes, 0);
  assert.ok(before.length < MIB, `${before.length} bytes before`);
});
