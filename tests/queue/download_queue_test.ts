import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

/** Counts downloads by their locks, of which each holds one from its first step to its last. */
class RunningDownloads {
  most = 0;
  readonly order: string[] = [];
  onRelease: () => void = () => {};
  #running = 0;

  readonly runtime: Runtime;

  constructor() {
    const { files } = runtimeWith({});
    this.runtime = runtimeWith({
      files: {
        lock: async (path) => {
          this.most = Math.max(this.most, ++this.#running);
          this.order.push(/([^/\\]+)\.bytehaul\.lock$/.exec(path)?.[1] ?? path);
          const lock = await files.lock(path);
          return lock && {
            ...lock,
            release: async () => {
              await lock.release();
              this.#running--;
              this.onRelease();
            },
          };
        },
      },
    });
  }
}

test("no more than maxConcurrentDownloads run at once, and all get their turn", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 50_000, respond: () => ({ throttle: 1_000_000 }) });
  const running = new RunningDownloads();
  const queue = queueOn(running.runtime, { maxConcurrentDownloads: 3 });
  const names = Array.from({ length: 10 }, (_, index) => `file${index}`);
  const handles = names.map((name) => queue.add({ url: server.url, outputPath: dir.join(name) }));
  assert.deepEqual(new Set(handles.map(({ snapshot }) => snapshot.state)), new Set(["pending"]));
  await Promise.all(handles.map((handle) => handle.wait()));
  assert.equal(running.most, 3);
  assert.deepEqual(running.order.toSorted(), names);
  await queue.close();
});

test("a turn that one download gives to the next is not taken by a third", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 1000 });
  // The turn changes hands within a few steps of the microtask queue; try each of them.
  for (let steps = 0; steps < 12; steps++) {
    const running = new RunningDownloads();
    const queue = queueOn(running.runtime, { maxConcurrentDownloads: 1 });
    const add = (name: string) => queue.add({ url: server.url, outputPath: dir.join(`${name}${steps}`) });
    const intruding = Promise.withResolvers<void>();
    running.onRelease = async () => {
      running.onRelease = () => {};
      for (let step = 0; step < steps; step++) await undefined;
      add("third").wait().then(() => intruding.resolve(), intruding.reject);
    };
    await Promise.all([add("first").wait(), add("second").wait(), intruding.promise]);
    assert.equal(running.most, 1, `two ran at once, ${steps} steps after the first`);
    assert.deepEqual(running.order, ["first", "second", "third"].map((name) => `${name}${steps}`));
    await queue.close();
  }
});

test("of one host no more than maxDownloadsPerHost run, and the other host is not kept waiting", async () => {
  await using dir = await temporaryDirectory();
  const slow = { size: 20_000, respond: () => ({ throttle: 400_000 }) };
  await using one = await FaultServer.start(slow);
  await using other = await FaultServer.start(slow);
  const options = { maxConcurrentDownloads: 4, maxDownloadsPerHost: 2, defaults: { maxConnections: 1 } };
  const queue = queueOn(runtimeWith({}), options);
  const add = (server: FaultServer, name: string) =>
    queue.add({ url: server.url, outputPath: dir.join(name) });
  const handles = Array.from({ length: 12 }, (_, index) => add(index < 10 ? one : other, `file${index}`));
  await other.until(() => other.requests.length === 2);
  assert.equal(one.requests.length <= 2, true, "the last of the list had to wait for the first");
  await Promise.all(handles.map((handle) => handle.wait()));
  assert.deepEqual([one.maxOpenConnections, other.maxOpenConnections], [2, 2]);
  await queue.close();
});

test("downloads one after the other use the connections of those before", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 2000 });
  const queue = queueOn(runtimeWith({}), { maxConcurrentDownloads: 16 });
  const names = Array.from({ length: 200 }, (_, index) => `file${index}`);
  await Promise.all(names.map((name) => queue.add({ url: server.url, outputPath: dir.join(name) }).wait()));
  assert.equal(server.requests.length, 200);
  assert.equal(server.connections <= 16, true, `${server.connections} connections`);
  await queue.close();
});

test("each download shows the retry that it waits for itself, and in a few words why", async () => {
  await using dir = await temporaryDirectory();
  const headers = { "retry-after": "60" };
  const replies: Readonly<Record<string, Reply>> = {
    "/busy": { status: 503, headers },
    "/often": { status: 429, headers },
    "/fine": { delayMs: 60_000 },
  };
  await using server = await FaultServer.start({ size: 50_000, respond: ({ path }) => replies[path] });
  const runtime = runtimeWith({ clock: { ...systemClock, wallMs: () => 5000 } });
  const queue = queueOn(runtime, { defaults: { retryBaseDelayMs: 0, retryMaxDelayMs: 60_000 } });
  const handles = Object.keys(replies).map((path) =>
    queue.add({ url: new URL(path, server.url), outputPath: dir.join(path.slice(1)) })
  );
  const retries = () => handles.map(({ snapshot }) => snapshot.retry);
  await until(() => retries().filter((retry) => retry !== undefined).length === 2);
  assert.deepEqual(retries(), [
    { atMs: 65_000, attempt: 2, reason: "the server answered 503 (temporarily unavailable)" },
    { atMs: 65_000, attempt: 2, reason: "the server answered 429 (too many requests)" },
    undefined,
  ]);
  await queue.close();
  assert.deepEqual(retries(), [undefined, undefined, undefined]);
});

test("very many may wait, and be cancelled while they do", async () => {
  const queue = queueOn(runtimeWith({}), { maxConcurrentDownloads: 1 });
  await using server = await FaultServer.start({ size: 1, respond: () => ({ delayMs: 60_000 }) });
  await using dir = await temporaryDirectory();
  const add = () => queue.add({ url: server.url, outputDir: dir.path });
  add();
  const waiting = Array.from({ length: 20_000 }, add);
  const last = waiting.at(-1)!;
  assert.equal(last.snapshot.state, "pending");
  last.pause();
  assert.equal(last.snapshot.state, "paused");
  await last.closed;
  const startedMs = performance.now();
  await queue.close();
  assert.equal(performance.now() - startedMs < 10_000, true);
  assert.deepEqual(new Set(waiting.map(({ snapshot }) => snapshot.state)), new Set(["cancelled", "paused"]));
});
