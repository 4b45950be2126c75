import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { Block } from "../../src/lib/block.ts";
import type { CheckedRange } from "../../src/lib/crc32.ts";
import { MemoryBudget } from "../../src/flow/memory_budget.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { FileWriter } from "../../src/sink/file_writer.ts";
import { type CacheLane, WriteBackCache } from "../../src/sink/write_back_cache.ts";
import type { ByteRange } from "../../src/types.ts";
import { contentBytes, seededRandom } from "../../testing/content.ts";
import { systemError } from "../helpers/doubles/runtime_double.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

const SEED = 1;
const BLOCK = 64;

interface Write {
  readonly position: number;
  readonly length: number;
  readonly buffer: ArrayBufferLike;
}

/** A cache over a file in memory. */
class Scene {
  readonly pool: MemoryBudget;
  readonly content: Uint8Array;
  readonly writes: Write[] = [];
  readonly acknowledged: ByteRange[] = [];
  readonly cache: WriteBackCache;
  failure: Error | undefined;

  constructor({ blocks = 8, size = 4096, pieceSize = Infinity } = {}) {
    this.pool = new MemoryBudget({ blockSize: BLOCK, blocks });
    this.content = new Uint8Array(size);
    let fileSize = 0;
    const write = (data: Uint8Array, position: number) => {
      if (this.failure !== undefined) return Promise.reject(this.failure);
      this.writes.push({ position, length: data.length, buffer: data.buffer });
      this.content.set(data, position);
      fileSize = Math.max(fileSize, position + data.length);
      return Promise.resolve();
    };
    const file = { write, stat: () => Promise.resolve({ size: fileSize }) } as unknown as RuntimeFile;
    const path = "/x/out.bin.part";
    const sink = new FileWriter({ file, path, size: 0, finalSize: undefined, onFailure: () => {} });
    const onWritten = ({ start, end, crc }: CheckedRange) => {
      assert.equal(crc, crc32(contentBytes(SEED, start, end)), `the CRC of bytes ${start} to ${end}`);
      this.acknowledged.push({ start, end });
    };
    this.cache = new WriteBackCache({ pool: this.pool, sink, pieceSize, onWritten });
  }

  /** Fills a block with what belongs at `position`, and stores it; a block that comes back is given back. */
  store(
    lane: CacheLane,
    position: number,
    length: number,
    block: Block = this.pool.tryTake()!,
  ): Block | undefined {
    block.bytes.set(contentBytes(SEED, position, position + length));
    return lane.store(block, length, position);
  }

  /** As `store`, for one who needs no block afterwards. */
  put(lane: CacheLane, position: number, length: number): void {
    const block = this.store(lane, position, length);
    if (block !== undefined) this.pool.release(block);
  }

  positions(): [number, number][] {
    return this.writes.map(({ position, length }) => [position, length]);
  }
}

test("a read that fills at least half a block goes to the file as it is, without being copied", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  for (const [position, length] of [[0, 64], [64, 32]] as const) {
    const block = scene.pool.tryTake()!;
    const { buffer } = block.bytes;
    assert.equal(scene.store(lane, position, length, block), undefined);
    await settle();
    assert.deepEqual(scene.writes.at(-1), { position, length, buffer });
  }
  assert.deepEqual(scene.acknowledged, [{ start: 0, end: 64 }, { start: 64, end: 96 }]);
  assert.equal(scene.pool.bytesInUse, 0);
});

test("smaller reads are gathered into one write of a whole block", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  let kept = 0;
  let block: Block | undefined;
  for (let position = 0; position < 128; position += 16) {
    block ??= scene.pool.tryTake();
    block = scene.store(lane, position, 16, block);
    if (block === undefined) kept++;
  }
  await settle();
  assert.equal(kept, 2, "all other blocks come back to be read into again");
  assert.deepEqual(scene.positions(), [[0, 64], [64, 64]]);
  assert.deepEqual(scene.content.subarray(0, 128), contentBytes(SEED, 0, 128));
  scene.pool.release(block!);
  assert.equal(scene.pool.bytesInUse, 0);
});

test("a read that does not fit into what was gathered is parted", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  for (let position = 0; position < 90; position += 30) scene.put(lane, position, 30);
  await settle();
  assert.deepEqual(scene.positions(), [[0, 64]]);
  await scene.cache.flush();
  assert.deepEqual(scene.positions(), [[0, 64], [64, 26]]);
  assert.deepEqual(scene.content.subarray(0, 90), contentBytes(SEED, 0, 90));
});

test("what is acknowledged is cut where pieces end", async () => {
  const scene = new Scene({ pieceSize: 25 });
  const lane = scene.cache.openLane();
  scene.put(lane, 60, 64);
  await scene.cache.flush();
  assert.deepEqual(scene.positions(), [[60, 64]]);
  assert.deepEqual(
    scene.acknowledged.map(({ start, end }) => [start, end]),
    [[60, 75], [75, 100], [100, 124]],
  );
});

test("a jump to another place writes what was gathered", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  scene.put(lane, 0, 10);
  scene.put(lane, 1000, 10);
  scene.put(lane, 1010, 10);
  scene.put(lane, 500, 40);
  await scene.cache.flush();
  assert.deepEqual(scene.positions(), [[0, 10], [1000, 20], [500, 40]]);
});

test("lanes gather apart from one another", async () => {
  const scene = new Scene();
  const [a, b] = [scene.cache.openLane(), scene.cache.openLane()];
  for (let step = 0; step < 3; step++) {
    scene.put(a, step * 10, 10);
    scene.put(b, 2000 + step * 10, 10);
  }
  await scene.cache.flush();
  assert.deepEqual(scene.positions(), [[0, 30], [2000, 30]]);
});

test("gathering takes no block but those that were read into", async () => {
  const scene = new Scene({ blocks: 2 });
  const lane = scene.cache.openLane();
  scene.put(lane, 0, 30);
  scene.put(lane, 30, 30);
  assert.equal(scene.pool.bytesInUse, BLOCK);
  assert.equal(scene.store(lane, 60, 30), undefined);
  await settle();
  assert.deepEqual([scene.positions(), scene.pool.bytesInUse], [[[0, 64]], BLOCK]);
  await scene.cache.flush();
  assert.deepEqual(scene.positions(), [[0, 64], [64, 26]]);
  assert.deepEqual(scene.content.subarray(0, 90), contentBytes(SEED, 0, 90));
});

test("closing a lane writes what it gathered, and keeps no block", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  scene.put(lane, 0, 10);
  assert.equal(scene.pool.bytesInUse, BLOCK);
  scene.cache.closeLane(lane);
  await settle();
  assert.deepEqual([scene.positions(), scene.pool.bytesInUse], [[[0, 10]], 0]);
  await scene.cache.flush();
  assert.equal(scene.writes.length, 1);
});

test("flush() with nothing gathered writes nothing", async () => {
  const scene = new Scene();
  scene.cache.openLane();
  await scene.cache.flush();
  assert.deepEqual(scene.writes, []);
});

test("41: what could not be written is not acknowledged, and its memory is given back", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  scene.put(lane, 0, 64);
  await settle();
  scene.failure = systemError("ENOSPC");
  scene.put(lane, 64, 64);
  scene.put(lane, 128, 10);
  await assert.rejects(scene.cache.flush(), { code: "disk_full" });
  scene.failure = undefined;
  scene.put(lane, 138, 64);
  await assert.rejects(scene.cache.flush(), { code: "disk_full" });
  assert.deepEqual(scene.acknowledged, [{ start: 0, end: 64 }]);
  assert.deepEqual([scene.writes.length, scene.pool.bytesInUse], [1, 0]);
});

for (const [seed, blocks] of [[1, 6], [2, 7], [3, 8], [4, 12]] as const) {
  test(`every byte is written and acknowledged once, with ${blocks} blocks for three lanes`, async () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const scene = new Scene({ blocks, size: 30_000 });
    let next = 0;
    const connection = async () => {
      const lane = scene.cache.openLane();
      while (next < scene.content.length) {
        let position = next;
        const end = next = Math.min(next + 1 + below(1500), scene.content.length);
        while (position < end) {
          const block = await scene.pool.take(new AbortController().signal);
          const length = Math.min(1 + below(random() < 0.3 ? BLOCK : 20), end - position);
          const kept = scene.store(lane, position, length, block);
          if (kept !== undefined) scene.pool.release(kept);
          position += length;
        }
      }
      scene.cache.closeLane(lane);
    };
    await Promise.all([connection(), connection(), connection()]);
    await scene.cache.flush();
    assert.deepEqual(scene.content, contentBytes(SEED, 0, scene.content.length));
    const counts = new Uint8Array(scene.content.length);
    for (const { start, end } of scene.acknowledged) {
      for (let at = start; at < end; at++) counts[at]!++;
    }
    assert.ok(counts.every((count) => count === 1));
    assert.equal(scene.pool.bytesInUse, 0);
  });
}

test("52: what does not fill a block is written at the second look", async () => {
  const scene = new Scene();
  const lane = scene.cache.openLane();
  scene.store(lane, 0, 10);
  scene.cache.flushStale();
  await settle();
  assert.deepEqual(scene.acknowledged, []);
  scene.store(lane, 10, 10);
  scene.cache.flushStale();
  await settle();
  assert.deepEqual(scene.acknowledged, [{ start: 0, end: 20 }]);
  scene.store(lane, 20, 10);
  scene.cache.flushStale();
  await settle();
  assert.deepEqual(scene.acknowledged, [{ start: 0, end: 20 }]);
  scene.cache.closeLane(lane);
});
