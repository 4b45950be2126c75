import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../../src/lib/crc32.ts";
import { KnownBytes } from "../../../src/session/transfer/known_bytes.ts";
import { contentBytes, seededRandom } from "../../../testing/content.ts";

const SIZE = 10_000;
const CONTENT = contentBytes(1, 0, SIZE);

const known = (...bounds: readonly (readonly [start: number, end: number])[]): KnownBytes => {
  const ranges = bounds.map(([start, end]): CheckedRange => ({
    start,
    end,
    crc: crc32(CONTENT.subarray(start, end)),
  }));
  return new KnownBytes(ranges.values());
};

/** The content with another byte at `offset`. */
function wrongAt(offset: number): Uint8Array<ArrayBuffer> {
  const wrong = CONTENT.slice();
  wrong[offset]! ^= 1;
  return wrong;
}

/** Whether all of `content` from `start` to `end` agrees, in steps of `step` bytes. */
function agrees(
  it: KnownBytes,
  content: Uint8Array<ArrayBuffer>,
  step: number,
  start = 0,
  end = SIZE,
): boolean {
  for (let position = start; position < end; position += step) {
    if (!it.agreeWith(content.subarray(position, Math.min(end, position + step)), position)) return false;
  }
  return true;
}

for (const step of [1, 7, 100, 999, 1000, 4096, SIZE]) {
  test(`131 a wrong byte is found where something is known, in steps of ${step}`, () => {
    const ranges = [[0, 1000], [1000, 1500], [3000, 3001], [4000, SIZE]] as const;
    assert.equal(agrees(known(...ranges), CONTENT, step), true);
    for (const offset of [0, 999, 1000, 1499, 3000, 4000, SIZE - 1]) {
      assert.equal(agrees(known(...ranges), wrongAt(offset), step), false, `${offset}`);
    }
    for (const offset of [1500, 2999, 3001, 3999]) {
      assert.equal(agrees(known(...ranges), wrongAt(offset), step), true, `${offset}`);
    }
  });
}

test("131 where nothing is known anything agrees", () => {
  assert.equal(agrees(known(), wrongAt(5), 10), true);
  assert.equal(agrees(known([20, 20]), wrongAt(5), 10), true);
});

test("131 of a range whose beginning or end did not come nothing can be told", () => {
  assert.equal(agrees(known([0, 1000]), wrongAt(500), 10, 1), true);
  assert.equal(agrees(known([0, 1000]), wrongAt(500), 10, 0, 999), true);
  assert.equal(agrees(known([0, 1000], [1000, 2000]), wrongAt(1500), 10, 1), false);
});

test("131 bytes in between that do not come again change nothing", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    const [a, b, c] = [random(), random(), random()].map((it) => 1 + Math.floor(it * (SIZE - 1)));
    const [first, second, third] = [a!, b!, c!].sort((one, other) => one - other) as [number, number, number];
    for (const [content, wanted] of [[CONTENT, true], [wrongAt(first - 1), false]] as const) {
      const it = known([0, first], [second, third]);
      const isSame = agrees(it, content, 1 + round, 0, first) &&
        agrees(it, content, 1 + round, second, third);
      assert.equal(isSame, wanted);
    }
  }
});
