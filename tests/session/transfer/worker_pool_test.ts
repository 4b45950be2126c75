import assert from "node:assert/strict";
import { test } from "node:test";
import { onAbort } from "../../../src/lib/on_abort.ts";
import { ServerLoad } from "../../../src/session/transfer/server_load.ts";
import { type WorkerKind, WorkerPool } from "../../../src/session/transfer/worker_pool.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const MOST = 16;

/** A pool whose workers run until the test ends them. */
class Scene {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly progress = { fetched: 0 };
  readonly limit = { isSet: false };
  readonly kinds: WorkerKind[] = [];
  readonly messages: string[] = [];
  hasWork = true;
  readonly load: ServerLoad;
  readonly #ends: PromiseWithResolvers<void>[] = [];
  readonly #pool: WorkerPool;

  constructor(connections: number, maxConnections = connections) {
    const { clock, progress, stop, limit } = this;
    const log = (_level: string, message: string) => void this.messages.push(message);
    this.load = new ServerLoad({
      ...{
        clock,
        log,
        progress,
        maxConnections,
        maxSegmentSize: Infinity,
        maxQuietMs: 0,
        acceptsRanges: true,
      },
      source: { closeIdle: () => {} },
    });
    this.#pool = new WorkerPool({
      ...{ clock, log, load: this.load, progress, connections, limit, stop },
      hasWork: () => this.hasWork,
      runWorker: (kind) => this.#work(kind),
    });
  }

  run(): Promise<void> {
    return this.#pool.run();
  }

  /** Ends the worker that started at `index`. */
  end(index: number): void {
    this.#ends[index]!.resolve();
  }

  endAll(): void {
    for (const { resolve } of this.#ends) resolve();
  }

  fail(index: number, error: Error): void {
    this.#ends[index]!.reject(error);
  }

  /** Lets time pass in which each connection receives `bytesPerSecond`. */
  async serve(ms: number, bytesPerSecond: (connections: number) => number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.progress.fetched += bytesPerSecond(this.load.connections) / 10;
      await this.clock.advance(100);
    }
  }

  async #work(kind: WorkerKind): Promise<void> {
    this.kinds.push(kind);
    const end = Promise.withResolvers<void>();
    this.#ends.push(end);
    using _ = onAbort(this.stop.signal, () => end.reject(this.stop.signal.reason));
    await end.promise;
  }
}

test("the first worker continues the first response, and all run until none is left", async () => {
  const scene = new Scene(3);
  let isOver = false;
  const running = scene.run().then(() => isOver = true);
  assert.deepEqual(scene.kinds, ["first", "further", "further"]);
  assert.equal(scene.load.connections, 3);
  scene.end(0);
  scene.end(2);
  await settle();
  assert.equal(isOver, false);
  scene.end(1);
  await running;
  assert.equal(scene.clock.sleepers, 0);
});

test("the failure of one worker ends all, and is what the pool rejects with", async () => {
  const scene = new Scene(3);
  const failure = new Error("broken");
  const running = assert.rejects(scene.run(), failure);
  scene.fail(1, failure);
  await running;
  assert.equal(scene.stop.signal.reason, failure);
  assert.equal(scene.clock.sleepers, 0);
});

test("stopped from outside: all end, and nothing starts where that was before", async () => {
  const scene = new Scene(3);
  const reason = new Error("stopped");
  const running = assert.rejects(scene.run(), reason);
  scene.stop.abort(reason);
  await running;
  const late = new Scene(3);
  late.stop.abort(reason);
  await assert.rejects(late.run(), reason);
  assert.deepEqual(late.kinds, []);
});

test("workers are doubled while that makes it faster, up to the limit", async () => {
  const scene = new Scene(4, MOST);
  const running = scene.run();
  await scene.serve(10_000, (connections) => connections * 1000);
  assert.deepEqual(scene.messages, ["8 connections from now on", "16 connections from now on"]);
  assert.deepEqual(scene.kinds.slice(1), Array(MOST - 1).fill("further"));
  scene.endAll();
  await running;
});

for (
  const [name, change, wanted] of [
    ["it does not become faster", () => {}, 8],
    ["a speed limit is set", (scene: Scene) => scene.limit.isSet = true, 4],
    ["nothing is left to lease", (scene: Scene) => scene.hasWork = false, 4],
    ["the server does not send ranges", (scene: Scene) => scene.load.requestWholeFile(), 4],
  ] as const
) {
  test(`no more workers are added where ${name}`, async () => {
    const scene = new Scene(4, MOST);
    const running = scene.run();
    change(scene);
    await scene.serve(10_000, () => 4000);
    assert.equal(scene.kinds.length, wanted);
    scene.endAll();
    await running;
  });
}

test("a retired worker is replaced by one that returns", async () => {
  const scene = new Scene(2);
  const running = scene.run();
  scene.load.retire(true);
  scene.end(1);
  await scene.serve(3000, () => 1000);
  assert.deepEqual(scene.kinds, ["first", "further", "returning"]);
  assert.equal(scene.load.connections, 2);
  assert.deepEqual(scene.messages, ["one more connection is tried; there are 2 now"]);
  scene.endAll();
  await running;
  assert.equal(scene.clock.sleepers, 0);
});

test("a worker that is refused for good is not replaced", async () => {
  const scene = new Scene(2);
  const running = scene.run();
  scene.load.retire(false);
  scene.end(1);
  await scene.serve(60_000, () => 1000);
  assert.equal(scene.kinds.length, 2);
  scene.end(0);
  await running;
});
