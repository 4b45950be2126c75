// File systems that lack something, and limits that are none of the disk.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { withCode } from "../../src/runtime/system_error.ts";
import { Child } from "../helpers/child.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import {
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { NO_STRACE, withFailingCalls } from "../helpers/disk/strace.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { downloadOn, failure, onFile } from "./disk.ts";

const SEED = 115;
const SIZE = 3_000_000;
const IS_NODE = !("Deno" in globalThis) && !("Bun" in globalThis);
const LINUX = { skip: process.platform !== "linux" && "needs /proc" };

for (const code of ["ENOSYS", "ENOLCK", "EOPNOTSUPP"]) {
  test(`115 a file system whose flock() says ${code} is locked by process id, with a warning`, {
    skip: NO_STRACE || (IS_NODE && "Node has no flock()"),
  }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, seed: SEED });
    const path = dir.join("out.bin");
    const lock = `${path}.bytehaul.lock`;
    const args = ["-o", path, server.url];
    const { status, stderr } = await withFailingCalls("flock", code, lock, args);
    assert.equal(status, 0, stderr);
    assert.match(
      stderr,
      /the file system of ".*out\.bin" does not support locks; only this machine sees the lock/,
    );
    await assertFileIs(path, SEED, SIZE);
    assert.deepEqual(await dir.list(), ["out.bin"]);
    // The lock of a process that runs keeps others out.
    await writeFile(lock, `${process.pid}`);
    const refused = await withFailingCalls("flock", code, lock, ["--overwrite", ...args]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /another download is writing it/);
  });
}

for (const code of ["EACCES", "EXDEV", "EPROTO", "ENOTTY", "EPERM", "EOPNOTSUPP"]) {
  test(
    `115 a file system whose link() says ${code} gets its file by rename()`,
    { skip: NO_STRACE },
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: SIZE, seed: SEED });
      const path = dir.join("out.bin");
      const { status, stderr } = await withFailingCalls("link,linkat", code, path, ["-o", path, server.url]);
      assert.equal(status, 0, stderr);
      await assertFileIs(path, SEED, SIZE);
      assert.deepEqual(await dir.list(), ["out.bin"]);
    },
  );
}

test("115 a file system that has no blocks in all has unknown space", LINUX, async () => {
  assert.equal(await detectRuntime().files.freeSpace("/proc"), undefined);
  assert.ok((await detectRuntime().files.freeSpace("/") ?? 1) > 0);
});

const LIMITS: readonly (readonly [code: string, kind: "storage" | "disk_full", words: RegExp])[] = [
  [
    "EFBIG",
    "storage",
    /it is larger than this file system or the limit of this process \(ulimit -f\) allows/,
  ],
  ["EDQUOT", "disk_full", /the disk quota is used up; free some of it and try again/],
  ["ENOSPC", "disk_full", /no space left; free some and try again/],
];

/** Where a limit shows. */
const STEPS: Readonly<Record<string, (code: string) => RuntimeOverrides>> = {
  "a write": (code) => onFile(".part", () => ({ write: () => Promise.reject(systemError(code)) })),
  "the part file": (code) => ({
    files: {
      create: (path) =>
        path.endsWith(".part") ? Promise.reject(systemError(code)) : detectRuntime().files.create(path),
    },
  }),
  "a sync": (code) => onFile(".part", () => ({ sync: () => Promise.reject(systemError(code)) })),
};

for (const [code, kind, words] of LIMITS) {
  for (const [what, step] of Object.entries(STEPS)) {
    test(`116 ${code} from ${what} has its own words and code`, async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: SIZE });
      const spec = { url: server.url, outputPath: dir.join("out.bin") };
      await assert.rejects(downloadOn(runtimeWith(step(code)), spec), failure(kind, words, dir.path));
    });
  }

  test(`116 ${code}, as the system says it, has its own words`, { skip: NO_STRACE }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE });
    const path = dir.join("out.bin");
    const calls = "write,pwrite64,ftruncate";
    const { status, stderr } = await withFailingCalls(calls, code, `${path}.part`, ["-o", path, server.url]);
    assert.equal(status, 1);
    assert.match(stderr, words);
  });
}

test("116 a limit on the size of files is told as that", {
  skip: !existsSync("/bin/bash") && "there is no bash to set the limit",
}, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A", cli] : [process.execPath, cli];
  const script = 'trap "" XFSZ; ulimit -f 1000; exec "$@"';
  const args = ["-c", script, "bash", ...runtime, "-o", "out.bin", server.url];
  await using child = new Child("/bin/bash", args, { isProgram: true, cwd: dir.path });
  const { status, stderr } = await child.ended;
  assert.equal(status, 1, stderr);
  assert.match(stderr, /\(ulimit -f\) allows/);
  assert.doesNotMatch(stderr, /space/);
});

test("116 an error without a code gets that of its number", { skip: process.platform === "win32" }, () => {
  const os = process.getBuiltinModule("node:os");
  for (const code of ["EDQUOT", "EFBIG", "ENOLCK", "EPROTO"] as const) {
    const error = new Error(`What it is (os error ${os.constants.errno[code]}): link 'a' -> 'b'`);
    assert.equal((withCode(error) as NodeJS.ErrnoException).code, code);
  }
  const own = systemError("EIO");
  assert.equal((withCode(own) as NodeJS.ErrnoException).code, "EIO");
  for (const other of [new Error("no number"), new Error("(os error 99999)"), "text"]) {
    assert.equal(withCode(other), other);
    assert.ok(!(other instanceof Error) || !("code" in other));
  }
});

test("115 the warning of a weak lock is given once for each download", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const { files } = detectRuntime();
  const lock = async (path: string) => {
    const had = await files.lock(path);
    return had && { ...had, isWeak: true };
  };
  const told: string[] = [];
  const logger = (level: string, message: string) => void (level === "warn" && told.push(message));
  const queue = queueOn(runtimeWith({ files: { lock } }), { logger });
  await queue.add({ url: server.url, outputPath: dir.join("out.bin") }).wait();
  await queue.close();
  assert.equal(told.length, 1, told.join("\n"));
  assert.match(told[0]!, /does not support locks/);
});
