// Says whether it could lock the file named on the command line, and holds the lock until its input ends; run by
// lock_test.ts.
import process from "node:process";
import { detectRuntime } from "../../../src/runtime/detect.ts";

const lock = await detectRuntime().files.lock(process.argv[2]!);
process.stdout.write(lock === undefined ? "refused\n" : "locked\n");
if (lock !== undefined) {
  process.stdin.resume();
  process.stdin.on("end", async () => {
    await lock.release();
    process.stdout.write("released\n");
  });
}
