import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { Downloader, type FileAllocation } from "../../mod.ts";
import { assertFileIs, contentHash } from "../helpers/content.ts";
import { type ByteRange, FaultServer, type Reply } from "../helpers/fault_server.ts";
import { Scene } from "../helpers/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 17;
const KIB = 1024;
const MIB = 1024 * KIB;
const ALLOCATIONS: readonly FileAllocation[] = ["none", "prealloc"];
const PIECE = 64 * KIB;
const MIN_SPLIT = 2 * MIB;
/** What the first request asks for where several connections are allowed. */
const FIRST_REQUEST = MIB;

/** A size, and those one byte below and above it. */
function around(name: string, size: number): [name: string, size: number][] {
  return [[`${name} - 1 byte`, size - 1], [name, size], [`${name} + 1 byte`, size + 1]];
}

/** Checks that what the server sent is the file, each byte of it once. */
function assertSentOnce(ranges: readonly ByteRange[], size: number): void {
  let end = 0;
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    strictEqual(range.start, end, `what was sent before ends at byte ${end}`);
    end = range.end;
  }
  strictEqual(end, size);
}

const EMPTY: readonly (readonly [name: string, reply: Reply, isLengthKnown: boolean])[] = [
  ["416", {}, true],
  ["200", { status: 200 }, true],
  ["200 without a length", { status: 200, closeDelimited: true }, false],
  ["200 in chunks", { status: 200, chunked: true }, false],
];

for (const [name, reply, isLengthKnown] of EMPTY) {
  for (const maxConnections of [1, 4]) {
    for (const fileAllocation of ALLOCATIONS) {
      test(`0 bytes: a ${name}, connections up to ${maxConnections}, ${fileAllocation}`, async () => {
        await using scene = await Scene.open({ size: 0, respond: () => reply });
        const checksum = `sha256:${contentHash(SEED, 0, "sha256")}`;
        const result = await scene.complete({ maxConnections, fileAllocation, checksum });
        deepStrictEqual([result.fetchedBytes, result.resumedBytes], [0, 0]);
        strictEqual(result.lengthVerified, isLengthKnown);
        strictEqual(scene.server.requests.length, 1);
      });
    }
  }
}

const SIZES = [
  ["1 byte", 1] as const,
  ...around("one piece", PIECE),
  ...around("the first request", FIRST_REQUEST),
  ...around("minSplitSize", MIN_SPLIT),
  ...around("40 pieces", 40 * PIECE),
];

for (const [name, size] of SIZES) {
  for (const maxConnections of [1, 4]) {
    for (const fileAllocation of ALLOCATIONS) {
      test(`${name}: connections up to ${maxConnections}, ${fileAllocation}`, async () => {
        await using scene = await Scene.open({
          size,
          seed: SEED,
          respond: ({ index }) => {
            const isLaid = index > 0 && fileAllocation === "prealloc";
            if (isLaid) strictEqual(statSync(`${scene.path}.part`).size, size);
            return undefined;
          },
        });
        const { server } = scene;
        const spec = { maxConnections, fileAllocation, pieceSize: PIECE, minSplitSize: MIN_SPLIT };
        const result = await scene.complete(spec);
        deepStrictEqual([result.fetchedBytes, result.lengthVerified], [size, true]);
        strictEqual(server.bytesServed, size);
        assertSentOnce(server.rangesServed, size);
        strictEqual(server.connections > 1, maxConnections > 1 && size >= MIN_SPLIT);
        if (maxConnections === 1 || size <= FIRST_REQUEST) strictEqual(server.requests.length, 1);
        else ok(server.requests.length > 1);
      });
    }
  }
}

const DEFAULT_MIN_SPLIT = 10 * MIB;
const DEFAULT_SIZES = [
  ["0 bytes", 0] as const,
  ["1 byte", 1] as const,
  ...around("one piece", MIB),
  ...around("minSplitSize", DEFAULT_MIN_SPLIT),
  ...around("13 pieces", 13 * MIB),
];

for (const [name, size] of DEFAULT_SIZES) {
  test(`${name}: with every default`, async () => {
    await using directory = await temporaryDirectory();
    await using server = await FaultServer.start({ size, seed: SEED });
    await using downloader = new Downloader();
    const result = await downloader.download({ url: server.url, outputDir: directory.path }).wait();
    await assertFileIs(directory.join("file.bin"), SEED, size);
    deepStrictEqual(await directory.list(), ["file.bin"]);
    deepStrictEqual([result.size, result.fetchedBytes, result.lengthVerified], [size, size, true]);
    assertSentOnce(server.rangesServed, size);
    strictEqual(server.connections > 1, size >= DEFAULT_MIN_SPLIT);
  });
}
