import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hashFile } from "../../src/integrity/hash_file.ts";
import { contentBytes } from "../../testing/content.ts";

const SEED = 1;
const MIB = 1024 * 1024;

/** A file in memory that gives at most `most` bytes at once. */
function fileOf(bytes: Uint8Array, most = Infinity) {
  return {
    read: (buffer: Uint8Array, position: number) => {
      const found = bytes.subarray(position, position + Math.min(buffer.length, most));
      buffer.set(found);
      return Promise.resolve(found.length);
    },
  };
}

for (const algorithm of ["md5", "sha256", "sha512"]) {
  for (const [size, most] of [[0, Infinity], [1, 1], [3 * MIB + 7, Infinity], [MIB, 10_007]] as const) {
    test(`hashFile() computes ${algorithm} over ${size} bytes, where reads give up to ${most}`, async () => {
      const bytes = contentBytes(SEED, 0, size + 5);
      const expected = createHash(algorithm).update(bytes.subarray(0, size)).digest("hex");
      assert.equal(await hashFile(fileOf(bytes, most), size, algorithm), expected);
    });
  }
}

test("hashFile() rejects for a file that is too short", async () => {
  await assert.rejects(
    hashFile(fileOf(contentBytes(SEED, 0, 99)), 100, "sha256"),
    /ends at byte 99, before byte 100/,
  );
});

test("hashFile() rejects with what reading failed with, and reads no more", async () => {
  let reads = 0;
  const read = () => ++reads < 3 ? Promise.resolve(1) : Promise.reject(new Error("the disk is broken"));
  await assert.rejects(hashFile({ read }, 100, "sha256"), /^Error: the disk is broken$/);
  assert.equal(reads, 3);
});
