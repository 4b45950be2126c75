import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { Child } from "../../helpers/child.ts";
import { findRelease, RUNTIME_NAMES } from "../../helpers/releases.ts";
import { WITH_LINKS } from "../../helpers/disk/files_and_links.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const { files } = detectRuntime();
const CHILD = fileURLToPath(new URL("./lock_child.ts", import.meta.url));
const TURNS_CHILD = fileURLToPath(new URL("./lock_turns_child.ts", import.meta.url));
const LEFT_CHILD = fileURLToPath(new URL("./lock_left_child.ts", import.meta.url));
const WITH_CHILDREN = { timeout: 60_000 };

/** A process that tries to lock a file or, with another script, several, on the runtime `program`. */
class LockChild implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stdout = "";

  constructor(program: string, path: string, script = CHILD, args: readonly string[] = []) {
    const flags = program.endsWith("deno") || program.endsWith("deno.exe") ? ["run", "-A"] : [];
    this.#process = spawn(program, [...flags, script, path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#ended = once(this.#process, "close");
    this.#process.stdout?.on("data", (text) => this.#stdout += text);
  }

  /** What it said first. */
  async answer(): Promise<string> {
    while (!this.#stdout.includes("\n")) {
      await Promise.race([
        once(this.#process.stdout!, "data"),
        this.#ended.then(() => assert.fail("it died")),
      ]);
    }
    return this.#stdout.split("\n")[0]!;
  }

  /** Lets it give the lock back and end. */
  async release(): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
    assert.match(this.#stdout, /released/);
  }

  async kill(): Promise<void> {
    // Not ChildProcess.kill(), after which Deno reports the signal whatever the status is.
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      process.kill(this.#process.pid!, "SIGKILL");
    }
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {}); // it was ending just then
  }
}

test("56: a lock is had once in a process, and again after it was given back", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  for (let round = 0; round < 3; round++) {
    const lock = await files.lock(path);
    assert.ok(lock !== undefined);
    assert.equal(await files.lock(path), undefined);
    assert.equal(await files.lock(path), undefined, "being refused does not take the lock away");
    assert.deepEqual(await dir.list(), ["a.lock"]);
    await lock.release();
    assert.deepEqual(await dir.list(), []);
  }
});

test("56: of many who ask at once one gets the lock", async () => {
  await using dir = await temporaryDirectory();
  for (let round = 0; round < 20; round++) {
    const locks = await Promise.all(Array.from({ length: 8 }, () => files.lock(dir.join("a.lock"))));
    const [lock, ...others] = locks.filter((it) => it !== undefined);
    assert.deepEqual([lock === undefined, others.length], [false, 0]);
    await lock?.release();
  }
});

test("locks of different files have nothing to do with each other", async () => {
  await using dir = await temporaryDirectory();
  const locks = await Promise.all(["a", "b"].map((it) => files.lock(dir.join(it))));
  assert.ok(locks.every((lock) => lock !== undefined));
  for (const lock of locks) await lock?.release();
});

test("57: a lock file that nobody holds is no lock, and its text does not matter", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  for (const text of ["", "rubbish", "4194305"]) {
    await writeFile(path, text);
    const lock = await files.lock(path);
    assert.ok(lock !== undefined, text);
    await lock.release();
  }
});

test(
  "72: a symbolic link is not followed, wherever it leads",
  WITH_LINKS,
  async () => {
    await using dir = await temporaryDirectory();
    await writeFile(dir.join("file"), "hello");
    for (const to of ["file", "nothing", "a.lock"]) {
      await symlink(to, dir.join("a.lock"));
      await assert.rejects(files.lock(dir.join("a.lock")), { code: "ELOOP" });
      await files.remove(dir.join("a.lock"));
    }
    assert.deepEqual(await dir.list(), ["file"]);
    assert.equal(await readFile(dir.join("file"), "utf8"), "hello");
  },
);

test("a path that cannot be locked has the system's error code", async () => {
  await using dir = await temporaryDirectory();
  await assert.rejects(files.lock(dir.path), { code: "EISDIR" });
  await assert.rejects(files.lock(dir.join("nothing", "a.lock")), { code: "ENOENT" });
});

test("55: a lock keeps other processes out until it is given back", WITH_CHILDREN, async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  const lock = await files.lock(path);
  {
    await using refused = new LockChild(process.execPath, path);
    assert.equal(await refused.answer(), "refused");
  }
  await lock?.release();
  await using child = new LockChild(process.execPath, path);
  assert.equal(await child.answer(), "locked");
  assert.equal(await files.lock(path), undefined);
  await child.release();
  const again = await files.lock(path);
  assert.ok(again !== undefined);
  await again.release();
});

test("57: the lock of a process that was killed is free", WITH_CHILDREN, async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("a.lock");
  await using child = new LockChild(process.execPath, path);
  assert.equal(await child.answer(), "locked");
  assert.equal(await files.lock(path), undefined);
  await child.kill();
  assert.deepEqual(await dir.list(), ["a.lock"]);
  const lock = await files.lock(path);
  assert.ok(lock !== undefined);
  await lock.release();
  assert.deepEqual(await dir.list(), []);
});

test("55: of processes that take turns, one has the lock at a time", WITH_CHILDREN, async () => {
  await using dir = await temporaryDirectory();
  const children = Array.from({ length: 3 }, () => new Child(TURNS_CHILD, [dir.join("a.lock")]));
  for (const { status, stderr } of await Promise.all(children.map((child) => child.ended))) {
    assert.equal(status, 0, stderr);
  }
  assert.deepEqual(await dir.list(), []);
});

test(
  "57: of processes that find the lock of a dead one at the same time, one takes it over",
  WITH_CHILDREN,
  async () => {
    await using dir = await temporaryDirectory();
    const names = Array.from({ length: 20 }, (_, index) => `${index}.lock`).sort();
    for (const name of names) await writeFile(dir.join(name), "4194305");
    const start = [`${Date.now() + 2000}`];
    await using children = new AsyncDisposableStack();
    const racers = names.slice(0, 4).map(() =>
      children.use(new LockChild(process.execPath, dir.path, LEFT_CHILD, start))
    );
    const answers = await Promise.all(racers.map((racer) => racer.answer()));
    assert.deepEqual(answers.flatMap((answer) => JSON.parse(answer)).sort(), names);
    for (const racer of racers) await racer.release();
    assert.deepEqual(await dir.list(), []);
  },
);

/** The runtime of this test, and the newest releases of the others. */
const programs = RUNTIME_NAMES.map((name) =>
  [name, name === detectRuntime().name ? process.execPath : findRelease("newest", name)] as const
);

for (const [holder, first] of programs) {
  for (const [other, second] of programs) {
    if (holder === other) continue;
    // Only Linux lists its locks, and Node has no other way to see one.
    const isUnseen = other === "node" && process.platform !== "linux";
    const skip = first === undefined || second === undefined
      ? `${holder} and ${other} are not both installed`
      : isUnseen && "Node cannot see locks on this system";
    test(
      `55: of two runtimes, a lock of ${holder} keeps ${other} out`,
      { ...WITH_CHILDREN, skip },
      async () => {
        await using dir = await temporaryDirectory();
        const path = dir.join("a.lock");
        await using owner = new LockChild(first!, path);
        assert.equal(await owner.answer(), "locked");
        {
          await using refused = new LockChild(second!, path);
          assert.equal(await refused.answer(), "refused");
        }
        await owner.kill();
        await using next = new LockChild(second!, path);
        assert.equal(await next.answer(), "locked");
        await next.release();
      },
    );
  }
}
