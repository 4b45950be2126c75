// Takes the lock on the file named on the command line 30 times, and fails when somebody else has it as well; run by
// lock_test.ts.
import { open, unlink } from "node:fs/promises";
import process from "node:process";
import { detectRuntime } from "../../../src/runtime/detect.ts";

const path = process.argv[2]!;
const { files, clock } = detectRuntime();

for (let turns = 0; turns < 30;) {
  const lock = await files.lock(path);
  if (lock !== undefined) {
    const alone = await open(`${path}.alone`, "wx");
    await alone.close();
    await unlink(`${path}.alone`);
    await lock.release();
    turns++;
  }
  await clock.sleep(1);
}
