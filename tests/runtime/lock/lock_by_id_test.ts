// Where a file system has no locks, the lock file holds a process id, on every runtime.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import {
  type LockableFile,
  type LockAnswer,
  lockBy,
  type LockCalls,
} from "../../../src/runtime/lock/lock.ts";
import type { RuntimeFile } from "../../../src/runtime/runtime.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const { files } = detectRuntime();

function lockable(file: RuntimeFile, answer: LockAnswer): LockableFile {
  return {
    read: (buffer, position) => file.read(buffer, position),
    write: (data, position) => file.write(data, position),
    stat: () => file.stat(),
    close: () => file.close(),
    tryLock: () => Promise.resolve(answer),
  };
}

/** The real disk, but for its locks. */
function callsOf(answer: LockAnswer, changes: Partial<LockCalls> = {}): LockCalls {
  return {
    create: async (path) => lockable(await files.create(path), answer),
    open: async (path) => lockable(await files.open(path, "read-write"), answer),
    lstat: files.lstat,
    remove: files.remove,
    processId: process.pid,
    isAlive,
    ...changes,
  };
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process that does nothing until it is killed. */
async function startIdle(): Promise<ChildProcess> {
  const args = "Deno" in globalThis ? ["eval"] : ["-e"];
  const child = spawn(process.execPath, [...args, "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
  await once(child, "spawn");
  return child;
}

for (const answer of ["refused", "absent"] as const) {
  test(`115 where the call for a lock is ${answer}, the file holds the process id`, async () => {
    await using dir = await temporaryDirectory();
    const path = dir.join("a.lock");
    for (let round = 0; round < 2; round++) {
      const lock = await lockBy(callsOf(answer), path);
      assert.equal(lock?.isWeak, answer === "refused", "only a file system is to be warned of");
      assert.equal(await readFile(path, "utf8"), `${process.pid}`);
      assert.equal(await lockBy(callsOf(answer), path), undefined);
      await lock?.release();
      assert.deepEqual(await dir.list(), []);
    }
  });
}

test("115 a lock by process id is free when its process is dead, or its file says nothing", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  const child = await startIdle();
  const ended = once(child, "close");
  try {
    await writeFile(path, `${child.pid}`);
    assert.equal(await lockBy(callsOf("refused"), path), undefined);
    assert.equal(await readFile(path, "utf8"), `${child.pid}`);
  } finally {
    process.kill(child.pid!, "SIGKILL");
    await ended;
  }
  // This process's own id is that of a dead one that had the same.
  for (const text of [`${child.pid}`, "", "rubbish", "-1", "0", `${process.pid}`]) {
    await writeFile(path, text);
    const lock = await lockBy(callsOf("refused"), path);
    assert.ok(lock !== undefined, text);
    assert.equal(await readFile(path, "utf8"), `${process.pid}`);
    await lock.release();
  }
});

test("115 of many who ask at once one gets a lock by process id", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  for (let round = 0; round < 10; round++) {
    const locks = await Promise.all(Array.from({ length: 8 }, () => lockBy(callsOf("refused"), path)));
    assert.equal(locks.filter((lock) => lock !== undefined).length, 1);
    await locks.find((lock) => lock !== undefined)?.release();
  }
});

test("115 where it may not be known whether a process runs, its lock counts and the file is named", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  await writeFile(path, "1");
  const calls = callsOf("refused", { isAlive: () => undefined });
  await assert.rejects(lockBy(calls, path), { message: /a\.lock" is of process 1; if that is no download/ });
  await files.remove(path);
  await (await lockBy(calls, path))?.release();
});
