import assert from "node:assert/strict";
import { test } from "node:test";
import { PrefixHasher } from "../../src/integrity/prefix_hasher.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { writeContentFile } from "../../testing/content.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import { fileWith } from "../helpers/doubles/runtime_double.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

test("PrefixHasher.close() rejects nothing that nobody waits for, while a read is under way", async () => {
  await using dir = await temporaryDirectory();
  await writeContentFile(dir.join("file"), 1, 200_000);
  const file = await detectRuntime().files.open(dir.join("file"), "read");
  const gate = new Gate();
  let reads = 0;
  const slow = fileWith(file, {
    read: async (buffer, position) => {
      if (++reads === 2) await gate.pass();
      return await file.read(buffer, position);
    },
  });
  const hasher = new PrefixHasher({
    algorithm: "sha256",
    file: slow,
    buffers: [new Uint8Array(65_536), new Uint8Array(65_536)],
    onFallback: (cause) => assert.fail(String(cause)),
  });
  hasher.advance(200_000);
  await gate.reached;
  const closed = hasher.close();
  // The runtime tells of a rejection without a handler only after a turn of its loop.
  await settle();
  await settle();
  gate.open();
  await closed;
  await file.close();
});
