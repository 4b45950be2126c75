import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { combineCrc32 } from "../../src/lib/crc32.ts";
import { contentBytes, seededRandom } from "../../testing/content.ts";

test("the CRC of two ranges is that of their bytes one after the other, wherever they are cut", () => {
  const random = seededRandom(1);
  for (const length of [0, 1, 2, 7, 256, 65_537, 1_048_576]) {
    const bytes = contentBytes(2, 0, length);
    for (const cut of [0, Math.min(1, length), length, Math.floor(random() * length)]) {
      const [first, second] = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const combined = combineCrc32(crc32(first), crc32(second), second.length);
      assert.equal(combined, crc32(bytes), `${length} bytes cut at ${cut}`);
    }
  }
});

test("many ranges may be combined in any order, also when they are longer than 32 bits can say", () => {
  const random = seededRandom(3);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let round = 0; round < 100; round++) {
    const [a, b, c] = [below(2 ** 32), below(2 ** 32), below(2 ** 32)] as const;
    const [lengthOfB, lengthOfC] = [below(2 ** 52), below(2 ** 52)] as const;
    assert.equal(
      combineCrc32(combineCrc32(a, b, lengthOfB), c, lengthOfC),
      combineCrc32(a, combineCrc32(b, c, lengthOfC), lengthOfB + lengthOfC),
    );
  }
});

test("zeros at the end are told apart by their number", () => {
  const crc = crc32(new Uint8Array([1]));
  const zeros = new Uint8Array(3000);
  const all = new Set(Array.from(zeros.keys(), (n) => combineCrc32(crc, crc32(zeros.subarray(0, n)), n)));
  assert.equal(all.size, zeros.length);
});
