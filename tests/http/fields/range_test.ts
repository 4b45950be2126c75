import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ContentRange,
  formatRange,
  parseContentRange,
  parseCount,
} from "../../../src/http/fields/range.ts";
import { seededRandom } from "../../../testing/content.ts";

const MAX = Number.MAX_SAFE_INTEGER;

test("formatRange() turns half-open into the inclusive form of the wire", () => {
  assert.equal(formatRange({ start: 0, end: 1 }), "bytes=0-0");
  assert.equal(formatRange({ start: 500, end: 1000 }), "bytes=500-999");
  assert.equal(formatRange({ start: 2 ** 52, end: MAX }), `bytes=${2 ** 52}-${MAX - 1}`);
  assert.equal(formatRange({ start: 7, end: Infinity }), "bytes=7-");
});

const part = (start: number, end: number, size: number | undefined): ContentRange => ({
  range: { start, end },
  size,
});

for (
  const [field, wanted] of [
    ["bytes 0-0/1", part(0, 1, 1)],
    ["bytes 0-499/1234", part(0, 500, 1234)],
    ["bytes 734-1233/1234", part(734, 1234, 1234)],
    ["bytes 42-1233/*", part(42, 1234, undefined)],
    ["BYTES  0-9/10 ", part(0, 10, 10)],
    [`bytes 0-${MAX - 2}/${MAX - 1}`, part(0, MAX - 1, MAX - 1)],
    ["bytes=0-9/10", part(0, 10, 10)],
    ["bytes = 0-9/10", part(0, 10, 10)],
    ["bytes: 0-9/10", part(0, 10, 10)],
    ["bytes 0 - 9 / 10", part(0, 10, 10)],
    ["\t0-9/10", part(0, 10, 10)],
    ["0-9/*", part(0, 10, undefined)],
    ["*/10", { range: undefined, size: 10 }],
    ["bytes */1234", { range: undefined, size: 1234 }],
    ["bytes */0", { range: undefined, size: 0 }],
  ] as const
) {
  test(`parseContentRange() reads "${field}"`, () => {
    assert.deepEqual(parseContentRange(field), wanted);
  });
}

for (
  const field of [
    "",
    "bytes",
    "bytes 0-9",
    "bytes 0-9/",
    "bytes */*",
    "bytes -9/10",
    "bytes 0-/10",
    "bytes 9-8/10",
    "bytes 0-10/10",
    "bytes 10-10/10",
    "bytes 0-0/0",
    "bytes -1-5/10",
    "bytes 0-9/-10",
    "bytes +0-9/10",
    "bytes 0x0-0x9/10",
    "bytes 0-9.0/10",
    "bytes 0-9e0/10",
    "bytes 0-9/10/11",
    "bytes 0-9/10, bytes 0-9/10",
    "bytes 0-4,5-9/10",
    "pages 0-9/10",
    "pages=0-9/10",
    "bytes==0-9/10",
    "bytes 1 0-19/20",
    "bytes 0-9/1 0",
    "bytes 0--9/10",
    "bytes -1--1/*",
    "bytes 0-1048575/1",
    `bytes 0-9/${MAX}`,
    `bytes 0-${MAX}/*`,
    "bytes 0-9/99999999999999999999",
    `bytes 0-9/1${"0".repeat(400)}`,
    "bytes ٠-٩/10",
  ]
) {
  test(`2: parseContentRange() refuses "${field.slice(0, 60)}"`, () => {
    assert.equal(parseContentRange(field), undefined);
  });
}

test("what a server says of a range that it was asked for reads back", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 500; round++) {
    const size = 1 + Math.floor(random() * 2 ** 45);
    const start = Math.floor(random() * size);
    const end = start + 1 + Math.floor(random() * (size - start));
    const field = `${formatRange({ start, end }).replace("=", " ")}/${size}`;
    assert.deepEqual(parseContentRange(field), part(start, end, size));
  }
});

test("parseCount() reads digits that fit, with room for one more", () => {
  assert.deepEqual([parseCount("0"), parseCount("007"), parseCount(`${MAX - 1}`)], [0, 7, MAX - 1]);
  for (
    const text of [
      "",
      " 1",
      "1 ",
      "-1",
      "+1",
      "1.0",
      "1e3",
      "0x1",
      "Infinity",
      "NaN",
      `${MAX}`,
      "9".repeat(30),
    ]
  ) {
    assert.equal(parseCount(text), undefined, text);
  }
});
