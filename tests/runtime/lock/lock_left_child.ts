// Takes what locks it can of those on the files in the directory named first, in the order of their names and one
// each 100 ms from the time that follows on, names them, and keeps them until its input ends; run by lock_test.ts.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import type { FileLock } from "../../../src/runtime/runtime.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";

const [dir, startMs] = [process.argv[2]!, Number(process.argv[3])];
const { files } = detectRuntime();
const locks = new Map<string, FileLock>();

for (const [index, name] of (await readdir(dir)).sort().entries()) {
  await setTimeout(Math.max(0, startMs + index * 100 - Date.now()));
  const lock = await files.lock(join(dir, name));
  if (lock !== undefined) locks.set(name, lock);
}
process.stdout.write(`${JSON.stringify([...locks.keys()])}\n`);
process.stdin.resume();
process.stdin.on("end", async () => {
  for (const lock of locks.values()) await lock.release();
  process.stdout.write("released\n");
});
