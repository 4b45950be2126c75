// What is no file has a meaning for others: no download takes its place, whatever was asked for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstat, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join, relative } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { refuseSpecial } from "../../src/storage/paths.ts";
import { runBytehaul } from "../helpers/child.ts";
import { FaultServer } from "../../testing/mod.ts";
import { download, failure } from "../faults/disk.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const ON_UNIX = { skip: process.platform === "win32" && "devices and pipes have no paths there" };

interface Special extends AsyncDisposable {
  readonly path: string;
}

const nothing = () => Promise.resolve();

/** A socket that has a name. */
async function listenAt(path: string): Promise<Special> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  return {
    path,
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  };
}

function makePipe(path: string): Special {
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  return { path, [Symbol.asyncDispose]: nothing };
}

async function linkTo(target: string, path: string): Promise<Special> {
  await symlink(target, path);
  return { path, [Symbol.asyncDispose]: nothing };
}

const SPECIAL: Readonly<Record<string, (dir: TemporaryDirectory) => Special | Promise<Special>>> = {
  "a pipe": (dir) => makePipe(dir.join("out.bin")),
  "a socket": (dir) => listenAt(dir.join("out.bin")),
  "a device": () => ({ path: "/dev/null", [Symbol.asyncDispose]: nothing }),
  "a link to a device": (dir) => linkTo("/dev/null", dir.join("out.bin")),
  "a link to a link to a pipe": async (dir) => {
    makePipe(dir.join("pipe"));
    await symlink("pipe", dir.join("link"));
    return await linkTo("link", dir.join("out.bin"));
  },
  "the name of standard output": () => ({ path: "/dev/stdout", [Symbol.asyncDispose]: nothing }),
  "an open file": () => ({ path: "/proc/self/fd/1", [Symbol.asyncDispose]: nothing }),
};

for (const [what, make] of Object.entries(SPECIAL)) {
  test(
    `114 an output that is ${what} is refused before the network, also with overwrite`,
    ON_UNIX,
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: 1000 });
      await using special = await make(dir);
      const { path: outputPath } = special;
      const before = [await dir.list(), (await lstat(outputPath)).ino];
      for (const overwrite of [false, true]) {
        await assert.rejects(download({ url: server.url, outputPath, overwrite }), (error: unknown) => {
          failure("storage", /it is a device, a pipe or a socket; choose another output$/, outputPath)(error);
          assert.doesNotMatch(String(error), /overwrite/);
          return true;
        });
      }
      assert.equal(server.connections, 0);
      assert.deepEqual([await dir.list(), (await lstat(outputPath)).ino], before);
    },
  );
}

test("114 -o /dev/null --overwrite leaves the device and says why", ON_UNIX, async () => {
  await using server = await FaultServer.start({ size: 1000 });
  const { status, stderr } = await runBytehaul(["-o", "/dev/null", "--overwrite", server.url]);
  assert.equal(status, 1);
  assert.match(stderr, /"\/dev\/null": it is a device, a pipe or a socket; choose another output/);
  assert.ok((await lstat("/dev/null")).isCharacterDevice());
});

// Not by a download: where it failed, it would take /dev/stdout from all of this machine.
test("114 the file that standard output goes to has other paths as well", ON_UNIX, async () => {
  await using dir = await temporaryDirectory();
  await symlink("/dev", dir.join("devices"));
  const { files } = detectRuntime();
  const isRedirected = { kind: "file", size: 0, identity: "1:1", modifiedMs: 0, owner: 0, links: 1 } as const;
  for (const directory of [dir.join("devices"), relative(process.cwd(), "/dev")]) {
    const path = join(directory, "stdout");
    const stat = (it: string) => it === path ? Promise.resolve(isRedirected) : files.stat(it);
    await assert.rejects(refuseSpecial({ ...files, stat }, path), failure("storage", /it is a device/));
  }
});
