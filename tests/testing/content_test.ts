import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  assertFileIs,
  contentBytes,
  contentHash,
  fillContent,
  seededRandom,
  writeContentFile,
} from "../../testing/content.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

test("content does not depend on how it is cut", () => {
  const random = seededRandom(1);
  for (const base of [0, 2 ** 32 - 100_000, 2 ** 34 - 100_000, 2 ** 45]) {
    const whole = contentBytes(7, base, base + 200_000);
    for (let round = 0; round < 50; round++) {
      const start = Math.floor(random() * whole.length);
      const end = start + Math.floor(random() * (whole.length - start));
      assert.deepEqual(contentBytes(7, base + start, base + end), whole.subarray(start, end));
    }
  }
});

test("content fills a view that is not aligned, and nothing beside it", () => {
  const buffer = new Uint8Array(1003);
  fillContent(3, 5, buffer.subarray(1, 1002));
  assert.deepEqual(buffer.subarray(1, 1002), contentBytes(3, 5, 1006));
  assert.deepEqual([buffer[0], buffer[1002]], [0, 0]);
});

test("content differs by seed and by offset", () => {
  const bytes = contentBytes(1, 0, 64);
  for (const offset of [1, 2, 4, 64 * 1024, 1024 * 1024, 2 ** 31, 2 ** 32, 2 ** 34, 2 ** 35]) {
    assert.notDeepEqual(contentBytes(1, offset, offset + 64), bytes, `same at ${offset}`);
  }
  for (const seed of [0, 2, 3, 0x7fffffff]) {
    assert.notDeepEqual(contentBytes(seed, 0, 64), bytes, `same for seed ${seed}`);
  }
  const used = new Set(contentBytes(1, 0, 65_536));
  assert.equal(used.size, 256);
});

test("content of a seed never changes, so that a run can be repeated", () => {
  assert.equal(contentHash(1, 100_000, "md5"), "be891f22ae5a4807044278cee25f23cd");
});

test("content hash is that of the bytes", () => {
  const size = 3 * 1024 * 1024 + 5;
  const expected = createHash("sha256").update(contentBytes(9, 0, size)).digest("hex");
  assert.equal(contentHash(9, size, "sha256"), expected);
});

test("a file is compared byte by byte", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("file.bin");
  const size = 2 * 1024 * 1024 + 17;
  await writeContentFile(path, 4, size);
  await assertFileIs(path, 4, size);

  await truncate(path, size - 1);
  await assert.rejects(assertFileIs(path, 4, size), new RegExp(`ends at offset ${size - 1}`));
  await appendFile(path, contentBytes(4, size - 1, size + 2));
  await assert.rejects(assertFileIs(path, 4, size), new RegExp(`continues at offset ${size}`));

  const bytes = contentBytes(4, 0, size);
  for (const wrong of [0, 1024 * 1024, size - 1]) {
    bytes[wrong] = (bytes[wrong] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await assert.rejects(assertFileIs(path, 4, size), new RegExp(`wrong at offset ${wrong}\\b`));
    bytes[wrong] = (bytes[wrong] ?? 0) ^ 1;
  }
});

test("an empty file has no wrong byte", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("empty.bin");
  await writeContentFile(path, 4, 0);
  await assertFileIs(path, 4, 0);
  assert.equal(contentHash(4, 0, "md5"), createHash("md5").digest("hex"));
});

test("seeded random numbers repeat and spread evenly", () => {
  const [one, same, other] = [seededRandom(5), seededRandom(5), seededRandom(6)];
  const numbers = Array.from({ length: 10_000 }, () => one());
  assert.deepEqual(Array.from({ length: 10_000 }, () => same()), numbers);
  assert.ok(numbers.some((number) => number !== other()));
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});
