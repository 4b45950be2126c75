import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader, type DownloadSpec } from "../../mod.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 31;
const PIECE = 65_536;
const MIN_SPLIT = 1_200_000;

/** Sizes on both sides of everything that makes a difference. */
const SIZES: Readonly<Record<string, number>> = {
  "1 byte": 1,
  "2 bytes": 2,
  "one piece less a byte": PIECE - 1,
  "one piece": PIECE,
  "one piece and a byte": PIECE + 1,
  "what the first request asks for, less a byte": 1_048_575,
  "what the first request asks for": 1_048_576,
  "what the first request asks for, and a byte": 1_048_577,
  "minSplitSize less a byte": MIN_SPLIT - 1,
  "minSplitSize": MIN_SPLIT,
  "minSplitSize and a byte": MIN_SPLIT + 1,
  "several pieces less a byte": 29 * PIECE - 1,
  "several pieces": 29 * PIECE,
  "several pieces and a byte": 29 * PIECE + 1,
};

const WAYS: readonly Partial<DownloadSpec>[] = [1, 4].flatMap((maxConnections) =>
  (["none", "prealloc"] as const).map((fileAllocation) => ({ maxConnections, fileAllocation }))
);

/** Every way with a file of `size` bytes, and the last one with a checksum, too. */
function waysFor(size: number): Partial<DownloadSpec>[] {
  return [...WAYS, { ...WAYS.at(-1), checksum: `sha256:${contentHash(SEED, size, "sha256")}` }];
}

/** Checks that every byte was sent once, over several connections or over one. */
function assertAsked({ version, requests, bytesServed, connections }: FaultServer, isSplit: boolean): void {
  const [first, ...others] = requests;
  // Where the file ends with the range it may be a part that is called the whole: another request tells.
  if (first?.headers["range"] === `bytes=0-${version.size - 1}`) {
    assert.deepEqual(others.map(({ headers }) => headers["range"]), [undefined]);
  } else {
    assert.equal(bytesServed, version.size);
    assert.equal(connections > 1, isSplit);
  }
}

for (const [name, size] of Object.entries(SIZES)) {
  test(`a file of ${name} (${size})`, async () => {
    for (const way of waysFor(size)) {
      await using scene = await Scene.open({ size, seed: SEED });
      const handle = scene.download({ pieceSize: PIECE, minSplitSize: MIN_SPLIT, ...way });
      const result = await scene.completed(handle);
      assert.deepEqual(
        [result.fetchedBytes, result.resumedBytes, result.lengthVerified, result.checksum],
        [size, 0, true, way.checksum],
      );
      assert.deepEqual([handle.snapshot.downloaded, handle.snapshot.total], [size, size]);
      assertAsked(scene.server, size >= MIN_SPLIT && way.maxConnections === 4);
    }
  });
}

for (const status of [416, 200] as const) {
  test(`a file of 0 bytes, told by status ${status}`, async () => {
    for (const way of waysFor(0)) {
      await using scene = await Scene.open({ size: 0, respond: () => ({ status }) });
      const handle = scene.download(way);
      const result = await scene.completed(handle);
      assert.deepEqual([result.size, result.fetchedBytes, result.lengthVerified], [0, 0, true]);
      assert.deepEqual([handle.snapshot.downloaded, handle.snapshot.total], [0, 0]);
      assert.equal(scene.server.requests.length, 1);
    }
  });
}

const MIB = 1024 * 1024;

for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 10 * MIB - 1, 10 * MIB, 10 * MIB + 1]) {
  test(`every option left at its default: a file of ${size} bytes`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size, seed: SEED });
    await using downloader = new Downloader();
    const outputPath = dir.join("file.bin");
    const result = await downloader.download({ url: server.url, outputPath }).wait();
    assert.deepEqual([result.path, result.size, result.lengthVerified], [outputPath, size, true]);
    await assertFileIs(outputPath, SEED, size);
    assert.deepEqual(await dir.list(), ["file.bin"]);
    assertAsked(server, size >= 10 * MIB);
  });
}
