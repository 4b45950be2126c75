import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BufferedPart } from "../../src/sink/buffered_part.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import { fileWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const { files } = detectRuntime();

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const noFile = () => Promise.reject(new Error("no file was to be made"));

async function textOf(part: BufferedPart): Promise<string> {
  const buffer = new Uint8Array(100);
  return new TextDecoder().decode(buffer.subarray(0, await part.read(buffer, 0)));
}

test("a part is written and read as a file is, and no file is made", async () => {
  const part = new BufferedPart(10, noFile);
  await part.write(bytesOf("cd"), 2);
  await part.write(bytesOf("ab"), 0);
  assert.equal(await textOf(part), "abcd");
  assert.equal((await part.stat()).size, 4);
  await part.truncate(3);
  assert.equal(await textOf(part), "abc");
  await part.truncate(5);
  assert.deepEqual(part.bytes, bytesOf("abc\0\0"));
  assert.equal(await part.read(new Uint8Array(4), 9), 0);
  await part.close();
});

test("what has to be durable is copied into the file, where all that follows goes, too, and read from memory", async () => {
  await using dir = await temporaryDirectory();
  const part = new BufferedPart(10, async () => {
    const file = await files.create(dir.join("part"));
    return fileWith(file, { read: () => Promise.reject(new Error("a write may be under way")) });
  });
  await part.write(bytesOf("abc"), 0);
  await Promise.all([part.sync(), part.sync()]);
  await part.write(bytesOf("de"), 3);
  assert.equal(await textOf(part), "abcde");
  assert.deepEqual(await part.stat(), await files.lstat(dir.join("part")));
  await part.truncate(4);
  assert.equal(await textOf(part), "abcd");
  await part.close();
  assert.equal(await readFile(dir.join("part"), "utf8"), "abcd");
});

test("what is written while the bytes are copied is not lost", async () => {
  await using dir = await temporaryDirectory();
  const gate = new Gate();
  const part = new BufferedPart(10, async () => {
    await gate.pass();
    return await files.create(dir.join("part"));
  });
  await part.write(bytesOf("abc"), 0);
  const synced = part.sync();
  await gate.reached;
  const written = part.write(bytesOf("de"), 3);
  gate.open();
  await Promise.all([synced, written]);
  await part.close();
  assert.equal(await readFile(dir.join("part"), "utf8"), "abcde");
});

test("where no file can be made, that is said every time, and the bytes stay", async () => {
  const part = new BufferedPart(10, () => Promise.reject(systemError("ENOSPC")));
  await part.write(bytesOf("abc"), 0);
  await assert.rejects(part.sync(), { code: "ENOSPC" });
  await assert.rejects(part.sync(), { code: "ENOSPC" });
  assert.equal(await textOf(part), "abc");
  assert.equal((await part.stat()).size, 3);
});
