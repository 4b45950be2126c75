import assert from "node:assert/strict";
import { test } from "node:test";
import { CHECKSUM_ALGORITHMS } from "../../src/options/checksum.ts";
import { PrefixHasher } from "../../src/integrity/prefix_hasher.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { contentHash, fillContent, seededRandom } from "../../testing/content.ts";
import { type FakeWorkerOptions, FakeWorkers } from "../helpers/doubles/fake_worker.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import { stubFile } from "../helpers/doubles/runtime_double.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

const BUFFER_BYTES = 16_384;
const SIZE = 300_000;

/** A file whose content follows from a seed, and a hasher that reads it. */
class Scene implements AsyncDisposable {
  readonly hasher: PrefixHasher;
  readonly fallbacks: unknown[] = [];
  /** End of the furthest read so far. */
  furthest = 0;
  /** Reads that have not ended. */
  reading = 0;
  seed = 1;
  size = SIZE;
  /** Where reads wait, if anywhere. */
  gate: Gate | undefined;

  constructor(algorithm = "sha256") {
    const buffers = [new Uint8Array(BUFFER_BYTES), new Uint8Array(BUFFER_BYTES)] as const;
    const onFallback = (cause: unknown) => this.fallbacks.push(cause);
    const file = { read: (buffer: Uint8Array, position: number) => this.#read(buffer, position) };
    this.hasher = new PrefixHasher({ algorithm, file: file as RuntimeFile, buffers, onFallback });
  }

  async #read(buffer: Uint8Array, position: number): Promise<number> {
    assert.equal(this.reading++, 0, "one read at a time");
    assert.ok(buffer.length <= BUFFER_BYTES, `${buffer.length} bytes of buffer`);
    await this.gate?.pass();
    const length = Math.max(0, Math.min(buffer.length, this.size - position));
    fillContent(this.seed, position, buffer.subarray(0, length));
    this.furthest = Math.max(this.furthest, position + length);
    this.reading--;
    return length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hasher.close();
  }
}

const wanted = (seed = 1, size = SIZE): string => contentHash(seed, size, "sha256");

test("the digest of a file that is there is that of node:crypto, for every algorithm", async () => {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    await using scene = new Scene(algorithm);
    assert.equal(await scene.hasher.finish(SIZE), contentHash(1, SIZE, algorithm), algorithm);
    assert.deepEqual(scene.fallbacks, []);
  }
});

for (const seed of [1, 2, 3]) {
  test(`a file that grows is hashed as far as it is whole, and no further (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    await using scene = new Scene();
    let frontier = 0;
    while (frontier < SIZE) {
      frontier = Math.min(SIZE, frontier + Math.floor(random() * 30_000));
      scene.hasher.advance(frontier);
      if (random() < 0.7) await settle();
      assert.ok(scene.furthest <= frontier, `read up to ${scene.furthest} of ${frontier}`);
    }
    assert.equal(await scene.hasher.finish(SIZE), wanted());
    assert.deepEqual(scene.fallbacks, []);
  });
}

test("a file that grew is hashed before its end is known", async () => {
  await using scene = new Scene();
  scene.hasher.advance(SIZE);
  while (scene.furthest < SIZE) await settle();
  assert.equal(await scene.hasher.finish(SIZE), wanted());
});

test("an empty file has a digest, too", async () => {
  await using scene = new Scene();
  assert.equal(await scene.hasher.finish(0), wanted(1, 0));
});

test("reads that give less than was asked for are put together", async () => {
  const buffers = [new Uint8Array(1000), new Uint8Array(1000)] as const;
  const read = (buffer: Uint8Array, position: number) => {
    const length = Math.min(buffer.length, 1 + position % 7);
    fillContent(1, position, buffer.subarray(0, length));
    return Promise.resolve(length);
  };
  const hasher = new PrefixHasher({
    algorithm: "sha256",
    file: { read } as RuntimeFile,
    buffers,
    onFallback() {},
  });
  assert.equal(await hasher.finish(5000), wanted(1, 5000));
});

for (const frontier of [0, 100_000, SIZE]) {
  test(`restart() at byte ${frontier} begins with the first byte again`, async () => {
    using workers = new FakeWorkers({});
    await using scene = new Scene();
    scene.hasher.advance(frontier);
    await settle();
    await scene.hasher.restart();
    scene.seed = 2;
    scene.furthest = 0;
    scene.hasher.advance(50_000);
    await settle();
    assert.ok(scene.furthest <= 50_000, `${scene.furthest} bytes read ahead`);
    assert.equal(await scene.hasher.finish(SIZE), wanted(2));
    assert.deepEqual(scene.fallbacks, [], "that is no failure of the thread");
    assert.deepEqual([workers.started, workers.running], [2, 0]);
  });
}

test("restart() in the middle of a read waits for it, and reads nothing more of what was", async () => {
  await using scene = new Scene();
  const gate = scene.gate = new Gate();
  scene.hasher.advance(SIZE);
  await gate.reached;
  const restarted = scene.hasher.restart();
  scene.gate = undefined;
  gate.open();
  await restarted;
  assert.ok(scene.furthest <= BUFFER_BYTES, `read up to ${scene.furthest}`);
  scene.seed = 2;
  assert.equal(await scene.hasher.finish(SIZE), wanted(2));
  assert.deepEqual(scene.fallbacks, []);
});

const FAILURES: readonly FakeWorkerOptions[] = [{ failAt: 0 }, { failAt: 1 }, { failAt: 5 }, { failAt: 15 }, {
  failAt: 19,
}];

for (const options of FAILURES) {
  test(`when its thread fails at message ${options.failAt} this one does the work, and says so once`, async () => {
    using workers = new FakeWorkers(options);
    await using scene = new Scene();
    scene.hasher.advance(150_000);
    while (scene.reading > 0) await settle();
    scene.hasher.advance(200_000);
    assert.equal(await scene.hasher.finish(SIZE), wanted());
    assert.equal(scene.fallbacks.length, 1);
    assert.match(`${scene.fallbacks[0]}`, /out of memory/);
    assert.equal(workers.running, 0);

    await scene.hasher.restart();
    assert.equal(await scene.hasher.finish(SIZE), wanted());
    assert.deepEqual([scene.fallbacks.length, workers.started], [1, 1]);
  });
}

test("when its thread fails after the file was whole this one does the work, too", async () => {
  for (const failAt of [0, 10, 18, 19]) {
    using _ = new FakeWorkers({ failAt });
    await using scene = new Scene();
    assert.equal(await scene.hasher.finish(SIZE), wanted());
    assert.equal(scene.fallbacks.length, 1);
  }
});

test("where no thread can be had this one does the work", async () => {
  using _ = new FakeWorkers({ isMissing: true });
  await using scene = new Scene();
  scene.hasher.advance(100_000);
  assert.equal(await scene.hasher.finish(SIZE), wanted());
});

for (const isMissing of [false, true]) {
  const where = isMissing ? "on this thread" : "on its own";

  test(`80: close() ends work ${where} after the read under way, and leaves no digest`, async () => {
    using workers = new FakeWorkers({ isMissing });
    await using scene = new Scene();
    const gate = scene.gate = new Gate();
    const finished = scene.hasher.finish(SIZE);
    finished.catch(() => {});
    await gate.reached;
    let isClosed = false;
    const closed = scene.hasher.close().then(() => isClosed = true);
    gate.open();
    await assert.rejects(finished);
    await closed;
    assert.deepEqual([isClosed, scene.reading, workers.running], [true, 0, 0]);
    assert.ok(scene.furthest <= BUFFER_BYTES, `read up to ${scene.furthest}`);
    assert.deepEqual(scene.fallbacks, []);
  });

  test(`close() while the file grows waits for the read under way ${where}`, async () => {
    using workers = new FakeWorkers({ isMissing });
    await using scene = new Scene();
    const gate = scene.gate = new Gate();
    scene.hasher.advance(SIZE);
    await gate.reached;
    let isClosed = false;
    const closed = scene.hasher.close().then(() => isClosed = true);
    await settle();
    assert.equal(isClosed, false, "the file is still read");
    gate.open();
    await closed;
    scene.hasher.advance(SIZE);
    await settle();
    assert.deepEqual([scene.reading, workers.running], [0, 0]);
    assert.ok(scene.furthest <= BUFFER_BYTES, `${scene.furthest} bytes read ahead`);
    await assert.rejects(scene.hasher.finish(SIZE));
  });
}

test("46: a file that is shorter than it should be has no digest", async () => {
  await using scene = new Scene();
  scene.size = 123_456;
  scene.hasher.advance(SIZE);
  await assert.rejects(
    scene.hasher.finish(SIZE),
    /^Error: The file ends at byte 123456, before byte 300000$/,
  );
});

test("a file that cannot be read has no digest", async () => {
  const buffers = [new Uint8Array(10), new Uint8Array(10)] as const;
  const read = () => Promise.reject(new Error("EIO"));
  const hasher = new PrefixHasher({
    algorithm: "md5",
    file: stubFile({ read }),
    buffers,
    onFallback() {},
  });
  await assert.rejects(hasher.finish(100), /^Error: EIO$/);
  await hasher.close();
});

test("close() can come at any time, and more than once", async () => {
  const scene = new Scene();
  await scene.hasher.close();
  await scene.hasher.close();
  const finished = new Scene();
  assert.equal(await finished.hasher.finish(1000), wanted(1, 1000));
  await finished.hasher.close();
});
