import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CHECKSUM_ALGORITHMS, formatChecksum, parseChecksum } from "../../src/options/checksum.ts";

const HEX = "0123456789abcdef".repeat(4);

test("every algorithm is one that this runtime has, with digests of the length expected", () => {
  assert.ok(CHECKSUM_ALGORITHMS.length >= 12);
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const hex = createHash(algorithm).update("abc").digest("hex");
    assert.equal(formatChecksum(parseChecksum(`${algorithm}:${hex}`)), `${algorithm}:${hex}`);
    assert.throws(() => parseChecksum(`${algorithm}:${hex.slice(1)}`), TypeError);
    assert.throws(() => parseChecksum(`${algorithm}:${hex}0`), TypeError);
  }
});

test("parseChecksum() takes what tools print", () => {
  const wanted = { algorithm: "sha256", hex: HEX };
  for (const text of [`sha256:${HEX}`, `SHA256:${HEX}`, `sha-256:${HEX}`, `sha256: ${HEX.toUpperCase()}\n`]) {
    assert.deepEqual(parseChecksum(text), wanted);
  }
  assert.equal(parseChecksum(`sha-512-256:${HEX}`).algorithm, "sha512-256");
  assert.equal(parseChecksum(`SHA3-256:${HEX}`).algorithm, "sha3-256");
});

for (
  const [text, reason] of [
    ["", "expected ALGORITHM:HEX"],
    [HEX, "expected ALGORITHM:HEX"],
    [`:${HEX}`, "expected ALGORITHM:HEX"],
    [`crc32:${HEX}`, "expected ALGORITHM:HEX"],
    [`toString:${HEX}`, "expected ALGORITHM:HEX"],
    [`__proto__:${HEX}`, "expected ALGORITHM:HEX"],
    [`sha256=${HEX}`, "expected ALGORITHM:HEX"],
    ["sha256:", "this has 0"],
    ["sha256:12ab", "sha256 has 64 hexadecimal digits, this has 4"],
    [`sha1:${HEX}`, "sha1 has 40 hexadecimal digits, this has 64"],
    [`sha256:${HEX.slice(1)}g`, "not hexadecimal"],
    [`sha256:${HEX.slice(2)}0x`, "not hexadecimal"],
    [`sha256:sha256:${HEX}`, "not hexadecimal"],
    [`sha256:${HEX.slice(0, 32)} ${HEX.slice(33)}`, "not hexadecimal"],
  ] as const
) {
  test(`parseChecksum() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseChecksum(text), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith(`Cannot use checksum "${text}": `), error.message);
      assert.ok(error.message.includes(reason), error.message);
      return true;
    });
  });
}

test("a message about an unknown algorithm tells those that are known", () => {
  assert.throws(() => parseChecksum(`crc32:${HEX}`), new RegExp(CHECKSUM_ALGORITHMS.join(", ")));
});
