import assert from "node:assert/strict";
import { lstat } from "node:fs/promises";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { identify } from "../../src/runtime/identity.ts";
import { filesAndLinks } from "../helpers/disk/files_and_links.ts";

test("46: identity is exact, also where the number of a file has more than 53 bits", () => {
  assert.notEqual(identify(1n, 2n ** 60n + 1n), identify(1n, 2n ** 60n + 2n));
  assert.equal(identify(1n, 2n ** 60n + 1n), identify(1n, 2n ** 60n + 1n));
});

test("46: a file without a number is none that can be told from others", () => {
  for (const none of [0, 0n, null]) assert.equal(identify(1, none), undefined);
});

test("46: the runtime asks for the exact number", {
  skip: "Deno" in globalThis && "Deno rounds it",
}, async () => {
  await using dir = await filesAndLinks();
  const { dev, ino } = await lstat(dir.join("file"), { bigint: true });
  assert.equal((await detectRuntime().files.lstat(dir.join("file")))?.identity, identify(dev, ino));
});
