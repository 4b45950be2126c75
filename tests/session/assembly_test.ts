import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 1;
const SIZE = 2_000_000;

test("25: where nothing of a first try can be kept the second one gets the name, with a checksum, too", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: ({ index }) => ({
      // Without a size nothing of it is known to belong to the file.
      status: 200,
      chunked: true,
      ...index === 0 ? { seed: 2, resetAfter: SIZE - 10_000, throttle: 10_000_000 } : {},
      etag: '"same"',
      lastModified: null,
    }),
  });
  const lines: string[] = [];
  await using downloader = new Downloader({ logger: (level, message) => lines.push(`${level}: ${message}`) });
  const { fetchedBytes, checksum } = await downloader.download({
    url: server.url,
    outputPath: dir.join("out.bin"),
    checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}`,
    // Blocks so small that the first try is hashed while it goes on.
    memoryBudget: 131_072,
    retryBaseDelayMs: 1,
  }).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  assert.equal(checksum, `sha256:${contentHash(SEED, SIZE, "sha256")}`);
  assert.ok(fetchedBytes > SIZE, "the first try had come some way");
  assert.ok(!lines.some((line) => line.includes("main thread")), lines.join("\n"));
});
