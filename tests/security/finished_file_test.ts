// A file is finished when its control file says so for this URL, and not because two names lead to it.
import assert from "node:assert/strict";
import { link, readFile, rm, utimes } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { download, failure, SMALL_BLOCKS } from "../faults/disk.ts";
import { assertFileIs } from "../../testing/content.ts";
import { leaveFinished } from "../helpers/disk/control_file.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { ATTACKER, giveTo, NO_OTHER_USER, sharedDirectory } from "../helpers/disk/other_user.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const ON_UNIX = { skip: process.platform === "win32" && "files have no identity there" };
const SEED = 119;
const SIZE = 300_000;

/** Downloads where an earlier run gave the file of `leftUrl` its name and was killed. */
async function run(
  leftUrl: (url: string) => string,
  spec: { readonly overwrite?: boolean } = {},
  tamper: (dir: TemporaryDirectory, path: string) => Promise<unknown> = () => Promise.resolve(),
) {
  const dir = await sharedDirectory();
  const server = await FaultServer.start({ size: SIZE, seed: SEED + 1 });
  const path = dir.join("out.bin");
  await leaveFinished(path, leftUrl(server.url), SEED, SIZE);
  await tamper(dir, path);
  const done = download({ url: server.url, outputPath: path, ...SMALL_BLOCKS, ...spec });
  const outcome = await done.then((result) => result, (error) => error);
  return {
    ...{ dir, server, path, outcome, requests: server.requests.length },
    async [Symbol.asyncDispose]() {
      await dir[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

const same = (url: string): string => url;
const other = (url: string): string => new URL("/other.bin", url).href;
const otherQuery = (url: string): string => `${url}?id=2`;

test("119 what was finished for this URL is finished, and cleaned up", ON_UNIX, async () => {
  await using done = await run(same);
  assert.deepEqual([done.outcome.resumedBytes, done.requests], [SIZE, 0]);
  await assertFileIs(done.path, SEED, SIZE);
  assert.deepEqual(await done.dir.list(), ["out.bin"]);
});

test("119 what was finished for this URL is so also when its part file is gone", ON_UNIX, async () => {
  await using done = await run(same, {}, (_, path) => rm(`${path}.part`));
  assert.deepEqual([done.outcome.resumedBytes, done.requests], [SIZE, 0]);
  assert.deepEqual(await done.dir.list(), ["out.bin"]);
});

const NOT_FINISHED: Readonly<
  Record<string, readonly [leftUrl: (url: string) => string, tamper?: (path: string) => Promise<unknown>]>
> = {
  "of another URL": [other],
  "of another query": [otherQuery],
  "without a control file": [same, (path) => rm(`${path}.bytehaul`)],
  "written to since": [same, (path) => utimes(path, 1, 1)],
};

for (const [what, [leftUrl, tamper]] of Object.entries(NOT_FINISHED)) {
  test(`119 a file that is its own part file and ${what} is not this one`, ON_UNIX, async () => {
    await using done = await run(leftUrl, {}, (_, path) => tamper?.(path) ?? Promise.resolve());
    failure("output_exists", /it exists already/, done.path)(done.outcome);
    await assertFileIs(done.path, SEED, SIZE);
    assert.equal(done.requests, 0);
  });

  test(`119 a file that is its own part file and ${what} is replaced by a new one`, ON_UNIX, async () => {
    await using done = await run(
      leftUrl,
      { overwrite: true },
      (_, path) => tamper?.(path) ?? Promise.resolve(),
    );
    assert.deepEqual([done.outcome.resumedBytes, done.outcome.fetchedBytes], [0, SIZE]);
    await assertFileIs(done.path, SEED + 1, SIZE);
    assert.deepEqual(await done.dir.list(), ["out.bin"]);
  });
}

for (const name of ["bytehaul", "part", "out.bin"] as const) {
  test(`119 what another user says was finished is not (${name})`, { skip: NO_OTHER_USER }, async () => {
    await using done = await run(same, {}, async (_, path) => {
      // The part file and the finished one are the same file.
      await giveTo(ATTACKER, name === "out.bin" ? path : `${path}.${name}`);
    });
    failure("output_exists", /it exists already/, done.path)(done.outcome);
  });
}

test("119 a second name for an unfinished part file does not finish it", ON_UNIX, async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED });
  await link(left.partPath, left.path);
  const before = await readFile(left.controlPath);
  await assert.rejects(left.resume(), failure("output_exists", /it exists already/, left.path));
  assert.ok(before.equals(await readFile(left.controlPath)));
  await rm(left.path);
  assert.equal((await left.resume()).resumedBytes, left.saved);
});
