import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedRange } from "../../../src/lib/crc32.ts";
import {
  decodeEntries,
  encodeEntries,
  ENTRY_BYTES,
  type JournalOwner,
} from "../../../src/storage/journal/journal_format.ts";
import { seededRandom } from "../../../testing/content.ts";

const OWNER: JournalOwner = { seed: 0x1234_5678, size: 1000, pieceSize: 100 };
const RANGES: readonly CheckedRange[] = [
  { start: 0, end: 100, crc: 0xffff_ffff },
  { start: 150, end: 151, crc: 0 },
  { start: 999, end: 1000, crc: 5 },
];
const BYTES = encodeEntries(RANGES, OWNER.seed);

/** An entry with any numbers, whose check is right. */
const craft = (start: number, end: number) => encodeEntries([{ start, end, crc: 1 }], OWNER.seed);

test("entries read back as they were", () => {
  assert.equal(BYTES.length, RANGES.length * ENTRY_BYTES);
  assert.deepEqual(decodeEntries(BYTES, OWNER), RANGES);
  assert.deepEqual(decodeEntries(new Uint8Array(0), OWNER), []);
});

test("entries of the largest file read back as they were", () => {
  const owner = { seed: 0, size: Number.MAX_SAFE_INTEGER, pieceSize: 2 ** 52 };
  const ranges = [{ start: 0, end: 2 ** 52, crc: 1 }, { start: 2 ** 52, end: 2 ** 53 - 1, crc: 2 }];
  assert.deepEqual(decodeEntries(encodeEntries(ranges, 0), owner), ranges);
});

test("53: a torn journal is read up to the entry that is torn, wherever it was cut", () => {
  for (let length = 0; length < BYTES.length; length++) {
    const whole = Math.floor(length / ENTRY_BYTES);
    assert.deepEqual(decodeEntries(BYTES.slice(0, length), OWNER), RANGES.slice(0, whole), `${length} bytes`);
  }
});

test("61: a flipped bit ends the journal, whichever it is", () => {
  for (let bit = 0; bit < BYTES.length * 8; bit++) {
    const bytes = BYTES.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const whole = Math.floor(bit / 8 / ENTRY_BYTES);
    assert.deepEqual(decodeEntries(bytes, OWNER), RANGES.slice(0, whole), `bit ${bit}`);
  }
});

test("53: a sector of zeros or of another file's bytes ends the journal", () => {
  const random = seededRandom(6);
  const wrong = [() => 0, () => 255, () => Math.floor(random() * 256)];
  for (const byte of wrong) {
    const bytes = BYTES.slice();
    bytes.set(bytes.subarray(ENTRY_BYTES, 2 * ENTRY_BYTES).map(byte), ENTRY_BYTES);
    assert.deepEqual(decodeEntries(bytes, OWNER), RANGES.slice(0, 1));
  }
});

test("64: no entry of another record fits, whichever seed that has", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 10_000; round++) {
    const seed = Math.floor(random() * 2 ** 32);
    if (seed === OWNER.seed) continue;
    assert.deepEqual(decodeEntries(encodeEntries(RANGES, seed), OWNER), [], `seed ${seed}`);
  }
});

const ABSURD: readonly (readonly [what: string, start: number, end: number])[] = [
  ["that is empty", 10, 10],
  ["beyond the end", 999, 1001],
  ["of two pieces", 99, 101],
  ["of the complete file", 0, 1000],
  ["that starts beyond the end", 1000, 1001],
  ["that starts where numbers are no longer exact", 2 ** 63, 2 ** 63 + 2048],
  ["that is longer than any file", 0, 2 ** 63],
];

for (const [what, start, end] of ABSURD) {
  test(`62: an entry ${what} ends the journal`, () => {
    const bytes = Uint8Array.from([...BYTES, ...craft(start, end), ...BYTES]);
    assert.deepEqual(decodeEntries(bytes, OWNER), RANGES);
  });
}

test("62: a record without a size has no journal", () => {
  assert.deepEqual(decodeEntries(BYTES, { ...OWNER, size: 0 }), []);
});
