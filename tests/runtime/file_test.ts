import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { contentBytes, seededRandom } from "../../testing/content.ts";
import { filesAndLinks, readAt, withFile } from "../helpers/disk/files_and_links.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const { files } = detectRuntime();
const WITH_DEV_FULL = { skip: process.platform !== "linux" && "there is no /dev/full" };

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test("41: a full disk is ENOSPC", WITH_DEV_FULL, async () => {
  await withFile(files.open("/dev/full", "read-write"), async (file) => {
    await assert.rejects(file.write(new Uint8Array(4096), 0), { code: "ENOSPC" });
  });
});

test("a file that is open for reading cannot be written", async () => {
  await using dir = await filesAndLinks();
  await withFile(files.open(dir.join("file"), "read"), async (file) => {
    assert.deepEqual(await readAt(file, 0, 10), bytesOf("hello"));
    await assert.rejects(file.write(bytesOf("x"), 0));
  });
  assert.equal(await readFile(dir.join("file"), "utf8"), "hello");
});

test("open() for reading and writing leaves what is there", async () => {
  await using dir = await filesAndLinks();
  await withFile(files.open(dir.join("file"), "read-write"), (file) => file.write(bytesOf("J"), 0));
  assert.equal(await readFile(dir.join("file"), "utf8"), "Jello");
});

test("read() ends at the end of the file", async () => {
  await using dir = await filesAndLinks();
  await withFile(files.open(dir.join("file"), "read"), async (file) => {
    assert.deepEqual(await readAt(file, 4, 10), bytesOf("o"));
    assert.equal((await readAt(file, 5, 10)).length, 0);
    assert.equal((await readAt(file, 5000, 10)).length, 0);
    assert.deepEqual(await readAt(file, 0, 2), bytesOf("he"));
  });
});

test("write() beyond the end leaves zeros between", async () => {
  await using dir = await filesAndLinks();
  await withFile(files.open(dir.join("file"), "read-write"), (file) => file.write(bytesOf("!"), 8));
  assert.equal(await readFile(dir.join("file"), "utf8"), "hello\0\0\0!");
});

test("write() writes all of a large buffer, also one that starts within its memory", async () => {
  await using dir = await temporaryDirectory();
  const bytes = contentBytes(1, 0, 9_000_001).subarray(1);
  await withFile(files.create(dir.join("new")), (file) => file.write(bytes, 0));
  assert.equal(Buffer.compare(await readFile(dir.join("new")), bytes), 0);
});

test("truncate() cuts and stretches", async () => {
  await using dir = await filesAndLinks();
  await withFile(files.open(dir.join("file"), "read-write"), async (file) => {
    await file.truncate(2);
    assert.equal((await file.stat()).size, 2);
    await file.truncate(4);
    assert.deepEqual(await readAt(file, 0, 10), bytesOf("he\0\0"));
    await file.write(bytesOf("x"), 4);
    assert.equal((await file.stat()).size, 5);
  });
});

test("positions are absolute, whatever came before", async () => {
  await using dir = await temporaryDirectory();
  const random = seededRandom(5);
  const below = (limit: number) => Math.floor(random() * limit);
  const model = new Uint8Array(5000);
  await withFile(files.create(dir.join("new")), async (file) => {
    await file.truncate(model.length);
    for (let step = 0; step < 500; step++) {
      const position = below(model.length);
      const length = Math.min(1 + below(300), model.length - position);
      if (random() < 0.5) {
        const bytes = contentBytes(step, 0, length);
        await file.write(bytes, position);
        model.set(bytes, position);
      } else {
        assert.deepEqual(await readAt(file, position, length), model.subarray(position, position + length));
      }
    }
  });
});

test("sync() and stat() may come while writes go on at other positions", async () => {
  await using dir = await temporaryDirectory();
  const bytes = contentBytes(2, 0, 2_000_000);
  await withFile(files.create(dir.join("new")), async (file) => {
    const others: Promise<unknown>[] = [];
    for (let end = bytes.length; end > 0; end -= 100_000) {
      const write = file.write(bytes.subarray(end - 100_000, end), end - 100_000);
      others.push(file.sync(), file.stat());
      await write;
    }
    await Promise.all(others);
  });
  assert.equal(Buffer.compare(await readFile(dir.join("new")), bytes), 0);
});
