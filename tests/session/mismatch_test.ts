// What fails its checksum is kept as evidence, and never as progress.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ChecksumMismatchError, DownloadError, type DownloadSpec } from "../../mod.ts";
import { runBytehaul } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import type { Reply } from "../../testing/mod.ts";
import { leaveFinished } from "../helpers/disk/control_file.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 5;
const WRONG = `sha256:${"0".repeat(64)}`;
/** One in several pieces, and one that is held in memory. */
const SIZES = { "a large file": [400_000, 16_384], "a small file": [40_000, 65_536] } as const;

async function fails(scene: Scene, spec: Partial<DownloadSpec>): Promise<ChecksumMismatchError> {
  const { error } = await scene.fail("checksum_mismatch", spec);
  assert.ok(error instanceof ChecksumMismatchError);
  return error;
}

for (const [what, [size, pieceSize]] of Object.entries(SIZES)) {
  test(`${what} that fails its checksum is kept, and the error says all there is to know`, async () => {
    await using scene = await Scene.open({ size, seed: SEED });
    const url = new URL(scene.server.url);
    url.search = "?token=secret";
    url.username = "me";
    const error = await fails(scene, { url: url.href, checksum: WRONG, pieceSize });
    const kept = `${scene.path}.mismatch`;
    await scene.assertLeft(["file.bin.mismatch"]);
    await assertFileIs(kept, SEED, size);
    const actual = `sha256:${contentHash(SEED, size, "sha256")}`;
    assert.deepEqual(
      [error.expected, error.actual, error.path, error.url, error.source, error.keptPath],
      [WRONG, actual, scene.path, scene.server.url, "checksum", kept],
    );
    assert.equal(
      error.message,
      `Cannot finish "${scene.path}": the checksum of what came from ${scene.server.url} is ${actual}, ` +
        `expected ${WRONG}, as option checksum says; it is kept as "${kept}"`,
    );
  });

  test(`${what} that fails its checksum is removed where that was asked for`, async () => {
    await using scene = await Scene.open({ size, seed: SEED });
    const error = await fails(scene, { checksum: WRONG, pieceSize, discardMismatch: true });
    assert.equal(error.keptPath, undefined);
    assert.doesNotMatch(error.message, /mismatch/);
    await scene.assertLeft([]);
  });

  test(`the evidence of ${what} is replaced by the next, and is no progress`, async () => {
    await using scene = await Scene.open({ size, seed: SEED });
    await fails(scene, { checksum: WRONG, pieceSize });
    scene.server.set({ seed: SEED + 1 });
    const requests = scene.server.requests.length;
    await fails(scene, { checksum: WRONG, pieceSize });
    assert.equal(scene.starts(requests)[0], 0);
    await scene.assertLeft(["file.bin.mismatch"]);
    await assertFileIs(`${scene.path}.mismatch`, SEED + 1, size);
    const result = await scene.download({ pieceSize }).wait();
    assert.equal(result.resumedBytes, 0);
    await scene.assertLeft(["file.bin", "file.bin.mismatch"]);
  });

  test(`${what} that fails its checksum is removed, with a word, where the evidence has no place`, async () => {
    await using scene = await Scene.open({ size, seed: SEED });
    await mkdir(`${scene.path}.mismatch`);
    const error = await fails(scene, { checksum: WRONG, pieceSize });
    assert.equal(error.keptPath, undefined);
    assert.ok(
      scene.wasTold(
        "warn",
        /Cannot replace .*it is not a regular file.*the file that failed its checksum is removed/,
      ),
    );
    await scene.assertLeft(["file.bin.mismatch"]);
  });
}

test("the error says whose checksum it was", async () => {
  await using scene = await Scene.open({ size: 40_000, seed: SEED });
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("SUMS"), `${"0".repeat(64)}  file.bin\n`);
  const byList = await fails(scene, { checksumFile: dir.join("SUMS"), discardMismatch: true });
  assert.match(byList.message, /, as option checksumFile says$/);
  scene.respond = () => ({ headers: { "Content-MD5": `${"A".repeat(22)}==` } });
  const byServer = await fails(scene, { discardMismatch: true });
  assert.match(byServer.message, /, as 127\.0\.0\.1:\d+ says in content-md5; if that is out of date/);
  assert.equal(byServer.source, "content-md5");
});

test("what is fetched anew because an earlier run may be to blame leaves no evidence", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED });
  left.server.set({ seed: SEED });
  const bytes = await readFile(left.partPath);
  bytes[100]! ^= 1;
  await writeFile(left.partPath, bytes);
  const checksum = `sha256:${contentHash(SEED, left.server.version.size, "sha256")}`;
  await left.resume({ checksum });
  await assertFileIs(left.path, SEED, left.server.version.size);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("a file that an earlier run had finished keeps its name when its checksum is another", async () => {
  await using scene = await Scene.open({ size: 40_000, seed: SEED });
  await leaveFinished(scene.path, scene.server.url, SEED, 40_000);
  const error: unknown = await scene.download({ checksum: WRONG }).wait().catch((error) => error);
  assert.ok(error instanceof DownloadError && error.code === "checksum_mismatch");
  assert.ok((await scene.directory.list()).includes("file.bin"));
});

test("--discard-mismatch removes what --checksum does not match", async () => {
  await using scene = await Scene.open({ size: 40_000, seed: SEED });
  const args = ["-o", scene.path, "--checksum", WRONG, scene.server.url];
  const kept = await runBytehaul(args);
  assert.deepEqual([kept.status, await scene.directory.list()], [1, ["file.bin.mismatch"]]);
  assert.match(kept.stderr, /expected sha256:0+, as --checksum says; it is kept as ".*file\.bin\.mismatch"/);
  await scene.directory.list();
  const removed = await runBytehaul(["--discard-mismatch", ...args.with(1, `${scene.path}2`)]);
  assert.deepEqual([removed.status, await scene.directory.list()], [1, ["file.bin.mismatch"]]);
});

/** The first response is cut, or complete; `later` answers the others. */
async function withoutLength(cutAfter: number | undefined, later: Reply): Promise<Scene> {
  const first = { status: 200, closeDelimited: true, ...(cutAfter !== undefined && { cutAfter }) };
  const respond = ({ index }: { readonly index: number }) => index === 0 ? first : later;
  return await Scene.open({ size: 400_000, seed: SEED, respond });
}

test("a file without a length that fails its checksum may have been cut, and is fetched once more", async () => {
  await using scene = await withoutLength(200_000, { status: 200, closeDelimited: true });
  await scene.complete({ checksum: `sha256:${contentHash(SEED, 400_000, "sha256")}` });
  assert.equal(scene.server.requests.length, 2);
  await scene.assertLeft(["file.bin"]);
});

test("a file without a length that fails its checksum twice is kept", async () => {
  await using scene = await withoutLength(undefined, { status: 200, closeDelimited: true });
  const error = await fails(scene, { checksum: WRONG });
  assert.equal(scene.server.requests.length, 2);
  await assertFileIs(error.keptPath!, SEED, 400_000);
});

test("what failed its checksum is kept and reported where it cannot be fetched once more", async () => {
  await using scene = await withoutLength(undefined, { status: 404 });
  const error = await fails(scene, { checksum: WRONG });
  await assertFileIs(error.keptPath!, SEED, 400_000);
  await scene.assertLeft(["file.bin.mismatch"]);
});

test("a file that is right at the second try is complete, also where the evidence of the first stays", async () => {
  await using scene = await withoutLength(200_000, { status: 200, closeDelimited: true });
  const { files } = runtimeWith({});
  const runtime = runtimeWith({
    files: {
      remove: (path) => path.endsWith(".mismatch") ? Promise.reject(systemError("EIO")) : files.remove(path),
    },
  });
  const queue = queueOn(runtime);
  try {
    const checksum = `sha256:${contentHash(SEED, 400_000, "sha256")}`;
    const { path } = await queue.add({ url: scene.server.url, outputPath: scene.path, checksum }).wait();
    await assertFileIs(path, SEED, 400_000);
    await scene.assertLeft(["file.bin", "file.bin.mismatch"]);
  } finally {
    await queue.close();
  }
});
