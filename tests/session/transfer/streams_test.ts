// Bodies without a length: chunked, or ended by the close of the connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadSpec } from "../../../mod.ts";
import { contentHash } from "../../../testing/content.ts";
import type { RecordedRequest, Reply } from "../../../testing/mod.ts";
import { Scene } from "../../helpers/scenes/scene.ts";
import { until } from "../../helpers/until.ts";

const SEED = 23;
const SIZE = 1_345_678;
const LIMIT = 8_000_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;

interface Body {
  readonly reply: Reply;
  /** Whether the server tells the size of the file. */
  readonly hasSize: boolean;
  readonly hasRanges: boolean;
}

const BODIES: Readonly<Record<string, Body>> = {
  "parts with a length": { reply: {}, hasSize: true, hasRanges: true },
  "parts in chunks": { reply: { chunked: true }, hasSize: true, hasRanges: true },
  "parts in chunks of a TLS record": {
    reply: { chunked: true, chunkSize: 16_384 },
    hasSize: true,
    hasRanges: true,
  },
  "parts in chunks of a packet": {
    reply: { chunked: true, chunkSize: 1_370 },
    hasSize: true,
    hasRanges: true,
  },
  "parts that the end of the connection ends": {
    reply: { closeDelimited: true },
    hasSize: true,
    hasRanges: true,
  },
  "the whole with a length": { reply: { status: 200 }, hasSize: true, hasRanges: false },
  "the whole in chunks, no length": {
    reply: { status: 200, chunked: true },
    hasSize: false,
    hasRanges: false,
  },
  "the whole in chunks of a packet, no length": {
    reply: { status: 200, chunked: true, chunkSize: 1_370 },
    hasSize: false,
    hasRanges: false,
  },
  "the whole up to the end of the connection": {
    reply: { status: 200, closeDelimited: true },
    hasSize: false,
    hasRanges: false,
  },
};

const WAYS: readonly Partial<DownloadSpec>[] = [
  { maxConnections: 1 },
  { maxConnections: 1, maxDownloadSpeed: LIMIT },
  { maxConnections: 4, checksum: CHECKSUM },
  { maxConnections: 4, maxDownloadSpeed: LIMIT },
];

for (const [name, { reply, hasSize, hasRanges }] of Object.entries(BODIES)) {
  test(`a stream: ${name}`, async () => {
    for (const way of WAYS) {
      await using scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => reply });
      const handle = scene.download(way);
      const totals = new Set<number | undefined>();
      for await (const { total, etaSeconds, downloaded } of handle) {
        if (downloaded > 0) totals.add(total);
        assert.ok(total !== undefined || etaSeconds === undefined);
      }
      const result = await scene.completed(handle);
      assert.deepEqual([result.lengthVerified, result.fetchedBytes], [hasSize, SIZE]);
      assert.deepEqual([...totals], [hasSize ? SIZE : undefined]);
      assert.equal(scene.server.bytesServed, SIZE);
      assert.equal(scene.server.requests.length > 1, hasRanges && way.maxConnections === 4);
      if (way.maxDownloadSpeed !== undefined) assert.ok(result.elapsedMs > 0.6 * SIZE / LIMIT * 1000);
    }
  });
}

test("a stream that comes a few bytes at a time is gathered, and ends right", async () => {
  const reply = { throttle: 600_000, chunked: true, chunkSize: 100 };
  await using scene = await Scene.open({ size: 200_000, seed: SEED, respond: () => reply });
  await scene.complete();
  await using other = await Scene.open({ size: 300, seed: SEED, respond: () => ({ dripMs: 1 }) });
  await other.complete();
});

/** A server that sends the whole file, and neither its length nor parts of it. */
const ENDLESS: Reply = { status: 200, headers: { "Accept-Ranges": undefined } };

for (const chunkSize of [1, 7]) {
  for (const reply of [{ chunked: true, chunkSize }, { ...ENDLESS, chunked: true, chunkSize }]) {
    test(`a stream of ${"status" in reply ? 200 : 206} in chunks of ${chunkSize}`, async () => {
      const size = 30_011;
      for (const maxDownloadSpeed of [0, 10 * size]) {
        await using scene = await Scene.open({ size, seed: SEED, respond: () => reply });
        const { lengthVerified, fetchedBytes } = await scene.complete({ maxDownloadSpeed });
        assert.deepEqual([lengthVerified, fetchedBytes], [!("status" in reply), size]);
      }
    });
  }
}

for (const framing of [{ closeDelimited: true }, { chunked: true }]) {
  test(`a stream of no bytes and no length, ${Object.keys(framing)[0]}`, async () => {
    for (const maxDownloadSpeed of [0, LIMIT]) {
      const respond = () => ({ ...ENDLESS, ...framing });
      await using scene = await Scene.open({ size: 0, seed: SEED, respond });
      const { lengthVerified } = await scene.complete({ maxDownloadSpeed });
      assert.equal(lengthVerified, false);
    }
  });
}

for (const reply of [{ chunked: true, chunkSize: 999 }, { ...ENDLESS, closeDelimited: true }]) {
  test(`a limit set in the middle of a stream, ${Object.keys(reply).at(-1)}, and removed: no byte is lost`, async () => {
    const respond = () => ({ ...reply, throttle: 4 * SIZE });
    await using scene = await Scene.open({ size: SIZE, seed: SEED, respond });
    const handle = scene.download();
    await until(() => handle.snapshot.downloaded > SIZE / 4);
    handle.maxDownloadSpeed = SIZE;
    await until(() => handle.snapshot.downloaded > SIZE / 2);
    handle.maxDownloadSpeed = 0;
    const { fetchedBytes } = await scene.completed(handle);
    assert.deepEqual([fetchedBytes, scene.server.requests.length], [SIZE, 1]);
  });
}

test("a chunked part that ends early under a limit goes on from the byte it reached", async () => {
  const third = Math.floor(SIZE / 3);
  const respond = ({ index }: RecordedRequest): Reply => ({
    chunked: true,
    chunkSize: 500,
    ...(index === 0 && { bodyLength: third }),
  });
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond });
  const { fetchedBytes } = await scene.complete({ maxDownloadSpeed: LIMIT });
  assert.deepEqual([fetchedBytes, scene.starts()], [SIZE, [0, third]]);
});
