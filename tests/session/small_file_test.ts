import assert from "node:assert/strict";
import { link, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import type { DownloadSpec } from "../../mod.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold, untilClaimed } from "../helpers/disk/control_file.ts";
import { FaultServer } from "../../testing/mod.ts";
import {
  fileWith,
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SIZE = 200_000;
const SEED = 45;
/** A file of one piece. */
const SMALL: Partial<DownloadSpec> = { pieceSize: 2 ** 20 };

function open(overrides: RuntimeOverrides = {}): Promise<Scene> {
  return Scene.open({ size: SIZE, seed: SEED }, (logger) => {
    const queue = queueOn(runtimeWith(overrides), { logger });
    return { download: (spec) => queue.add(spec), close: () => queue.close() };
  });
}

/** Notes which names are made, given and removed, and how often something is made durable. */
function recorder(): { readonly steps: string[]; readonly overrides: RuntimeOverrides } {
  const { files } = detectRuntime();
  const steps: string[] = [];
  const overrides: RuntimeOverrides = {
    files: {
      create: (path) => {
        steps.push(`create ${basename(path)}`);
        return files.create(path).then((file) =>
          fileWith(file, {
            sync: () => {
              steps.push("sync");
              return file.sync();
            },
          })
        );
      },
      link: (from, to) => {
        steps.push(`link ${basename(from)} ${basename(to)}`);
        return files.link(from, to);
      },
      rename: (from, to) => {
        steps.push(`rename ${basename(from)} ${basename(to)}`);
        return files.rename(from, to);
      },
      syncDirectory: (path) => {
        steps.push("sync directory");
        return files.syncDirectory(path);
      },
      remove: (path) => {
        steps.push(`remove ${basename(path)}`);
        return files.remove(path);
      },
    },
  };
  return { steps, overrides };
}

for (const checksum of [undefined, `sha256:${contentHash(SEED, SIZE, "sha256")}`]) {
  test(`a small file${checksum === undefined ? "" : " with a checksum"} is written once it is whole`, async () => {
    const { steps, overrides } = recorder();
    await using scene = await open(overrides);
    await scene.complete({ ...SMALL, ...checksum && { checksum } });
    assert.deepEqual(steps, [
      "create file.bin.bytehaul.tmp",
      "sync",
      "link file.bin.bytehaul.tmp file.bin",
      "sync directory",
      "remove file.bin.bytehaul.tmp",
    ]);
  });
}

test("a small file takes the place of another at once, and only when that is asked", async () => {
  const { steps, overrides } = recorder();
  await using directory = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const queue = queueOn(runtimeWith(overrides));
  const spec = { ...SMALL, url: server.url, outputPath: directory.join("file.bin") };
  await writeFile(spec.outputPath, "old");
  await assert.rejects(queue.add(spec).wait(), { code: "output_exists" });
  assert.equal(await readFile(spec.outputPath, "utf8"), "old");
  assert.deepEqual([server.requests.length, steps], [0, []]);
  await queue.add({ ...spec, overwrite: true }).wait();
  await assertFileIs(spec.outputPath, SEED, SIZE);
  assert.deepEqual(steps.filter((step) => !step.startsWith("remove")), [
    "create file.bin.bytehaul.tmp",
    "sync",
    "rename file.bin.bytehaul.tmp file.bin",
    "sync directory",
  ]);
  assert.deepEqual(await directory.list(), ["file.bin"]);
  await queue.close();
});

test("a small file that is stopped half-way is saved, and no byte of it fetched twice", async () => {
  await using scene = await open();
  scene.respond = () => ({ silentAfter: 100_000 });
  const handle = scene.download(SMALL);
  await until(() => handle.snapshot.downloaded === 100_000);
  await scene.assertLeft(["file.bin.bytehaul.lock"]);
  await handle.pause();
  await handle.closed;
  await scene.assertLeft(["file.bin.bytehaul", "file.bin.part"]);
  scene.respond = () => undefined;
  const result = await scene.complete(SMALL);
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [100_000, 100_000]);
});

test("a small file that comes slowly is saved as any other is", async () => {
  await using scene = await open();
  scene.respond = () => ({ silentAfter: 100_000 });
  const handle = scene.download({ ...SMALL, controlSaveIntervalMs: 10 });
  await until(() => handle.snapshot.downloaded === 100_000);
  await untilClaimed(`${scene.path}.bytehaul`, 99_999);
  assert.equal(await assertClaimsHold(scene.path, SEED), 100_000);
  await handle.cancel({ discard: true });
  await handle.closed;
  await scene.assertLeft([]);
});

test("a small file whose connection breaks goes on from the byte it reached", async () => {
  await using scene = await open();
  scene.respond = ({ index }) => index === 0 ? { throttle: 1_000_000, cutAfter: 100_000 } : undefined;
  assert.equal((await scene.complete(SMALL)).fetchedBytes, SIZE);
  const [first, second] = scene.starts();
  // Bun may lose the last chunk before a cut.
  assert.ok(first === 0 && second! > 0, `from ${second}`);
});

test("a small file that is not what its checksum says leaves nothing but itself as evidence", async () => {
  await using scene = await open();
  await scene.fail("checksum_mismatch", { ...SMALL, checksum: `sha256:${"0".repeat(64)}` });
  await scene.assertLeft(["file.bin.mismatch"]);
});

test("a small file is refused where its part file would be somebody else's", async () => {
  await using scene = await open();
  const theirs = `${scene.path}.part`;
  await writeFile(theirs, "theirs");
  await scene.fail("output_exists", SMALL);
  assert.equal(await readFile(theirs, "utf8"), "theirs");
  await scene.assertLeft(["file.bin.part"]);
});

test("a small file that was given its name by a killed run exists, and nothing else is left", async () => {
  await using scene = await open();
  await writeFile(scene.path, "whole");
  await link(scene.path, `${scene.path}.bytehaul.tmp`);
  await assert.rejects(scene.download(SMALL).wait(), { code: "output_exists" });
  await scene.assertLeft(["file.bin"]);
});

for (const failing of ["write", "sync"] as const) {
  test(`a small file on a disk that is full at ${failing}() fails as any other does`, async () => {
    const full = () => Promise.reject(systemError("ENOSPC"));
    let isFull = true;
    await using scene = await open({
      file: (file) => isFull ? fileWith(file, { [failing]: full }) : file,
    });
    await scene.fail("disk_full", SMALL);
    isFull = false;
    await scene.complete(SMALL);
  });
}

test("a small file whose name is taken meanwhile stays, and is not fetched again", async () => {
  const { files } = detectRuntime();
  let isTaken = false;
  await using scene = await open({
    files: {
      link: async (from, to) => {
        if (!isTaken) await writeFile(to, "theirs");
        isTaken = true;
        await files.link(from, to);
      },
    },
  });
  await assert.rejects(scene.download(SMALL).wait(), { code: "output_exists" });
  assert.equal(await readFile(scene.path, "utf8"), "theirs");
  await scene.assertLeft(["file.bin", "file.bin.bytehaul", "file.bin.part"]);
  assert.equal((await scene.download({ ...SMALL, overwrite: true }).wait()).fetchedBytes, 0);
});
