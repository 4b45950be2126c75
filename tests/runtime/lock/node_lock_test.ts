import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { lockWith } from "../../../src/runtime/lock/node_lock.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const lockFile = (path: string) => lockWith(() => Promise.resolve("absent"), path);

/** A process that does nothing until it is killed. */
async function startIdle(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [
    ...("Deno" in globalThis ? ["eval"] : ["-e"]),
    "setTimeout(() => {}, 60_000)",
  ], { stdio: "ignore" });
  await once(child, "spawn");
  return child;
}

test("without flock() a lock is the process id in its file", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  for (let round = 0; round < 2; round++) {
    const lock = await lockFile(path);
    assert.ok(lock !== undefined);
    assert.equal(await readFile(path, "utf8"), `${process.pid}`);
    assert.equal(await lockFile(path), undefined);
    await lock.release();
    assert.deepEqual(await dir.list(), []);
  }
});

test(
  "57: without flock() a lock is free when its process is dead, or its file says nothing",
  async () => {
    await using dir = await temporaryDirectory();
    const path = dir.join("a.lock");
    const child = await startIdle();
    const ended = once(child, "close");
    try {
      await writeFile(path, `${child.pid}`);
      assert.equal(await lockFile(path), undefined);
      assert.equal(await readFile(path, "utf8"), `${child.pid}`);
    } finally {
      process.kill(child.pid!, "SIGKILL");
      await ended;
    }
    // This process's own id is that of a dead one that had the same.
    for (const text of [`${child.pid}`, "", "rubbish", "-1", "0", `${process.pid}`]) {
      await writeFile(path, text);
      const lock = await lockFile(path);
      assert.ok(lock !== undefined, text);
      assert.equal(await readFile(path, "utf8"), `${process.pid}`);
      await lock.release();
    }
  },
);
