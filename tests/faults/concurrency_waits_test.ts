import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DownloadError, type DownloadHandle } from "../../mod.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import { PoolWatch } from "../helpers/pool_watch.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { KEPT, Scene, type Starter } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { hangingFile, SEED, SIZE, type Wait, WAITS } from "./waits.ts";

const SETTLED_WITHIN_MS = 200;
const BOUNDED = { timeout: 20_000 };

type Stop = "pause" | "cancel";
const STOPS = ["pause", "cancel"] as const;
const STATES = { pause: "paused", cancel: "cancelled" } as const;

/** Stops a download, and checks that its handle says so at once. */
async function assertStops(handle: DownloadHandle, stop: Stop): Promise<void> {
  const startedMs = performance.now();
  handle[stop]();
  const outcome: unknown = await handle.wait().catch((error) => error);
  const elapsedMs = performance.now() - startedMs;
  assert.ok(outcome instanceof DownloadError, `${stop} ended in ${outcome}`);
  assert.equal(outcome.code, STATES[stop]);
  assert.equal(handle.snapshot.state, STATES[stop]);
  assert.equal(handle.snapshot.connections, 0);
  assert.ok(elapsedMs <= SETTLED_WITHIN_MS, `${stop} took ${elapsedMs.toFixed(0)} ms`);
}

async function stopIn(wait: Wait, stop: Stop): Promise<void> {
  await using dir = await temporaryDirectory();
  using pools = new PoolWatch();
  const gate = new Gate();
  let isFaulty = true;
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: (request) => isFaulty ? wait.reply?.(request) : undefined,
  });
  const queue = queueOn(runtimeWith(wait.overrides?.(gate) ?? {}), wait.options);
  const directory = dir.join("new");
  const base = { url: server.url, outputPath: join(directory, "file.bin"), maxConnections: 1 };
  const handle = queue.add({ ...base, ...wait.spec });
  try {
    await (wait.reached?.({ gate, server, pools, handle }) ?? gate.reached);
    await assertStops(handle, stop);
  } finally {
    gate.open();
    isFaulty = false;
  }
  await handle.closed;
  if (wait.isFinished) {
    await assertFileIs(base.outputPath, SEED, SIZE);
    assert.deepEqual(await readdir(directory), ["file.bin"]);
  }
  queue.bucket.bytesPerSecond = 0;
  await queue.add({ ...base, overwrite: wait.isFinished ?? false }).wait();
  await assertFileIs(base.outputPath, SEED, SIZE);
  assert.deepEqual(await readdir(directory), ["file.bin"]);
  await queue.close();
}

for (const wait of WAITS) {
  for (const stop of STOPS) {
    test(`80 ${stop} while waiting for ${wait.name}`, BOUNDED, () => stopIn(wait, stop));
  }
}

for (const stop of STOPS) {
  test(`80 ${stop} while waiting for a turn: nothing is asked, and the next one gets the turn`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      size: SIZE,
      respond: ({ path }) => path === "/first" ? { never: true } : undefined,
    });
    const queue = queueOn(runtimeWith({}), { maxConcurrentDownloads: 1 });
    const add = (name: string) =>
      queue.add({
        url: new URL(name, server.url),
        outputPath: dir.join("out", name),
        maxConnections: 1,
      });
    const [first, waiting, next] = [add("first"), add("waiting"), add("next")];
    await server.until(() => server.requests.length === 1);
    assert.equal(waiting.snapshot.state, "pending");
    await assertStops(waiting, stop);
    await waiting.closed;
    assert.deepEqual([first.snapshot.state, next.snapshot.state], ["downloading", "pending"]);
    await assertStops(first, stop);
    await next.wait();
    await add("waiting").wait();
    assert.deepEqual(server.requests.map(({ path }) => path), ["/first", "/next", "/waiting"]);
    await queue.close();
  });
}

function starterOn(runtime: Runtime): Starter {
  const queue = queueOn(runtime);
  return { download: (spec) => queue.add(spec), close: () => queue.close() };
}

/** The runtime with one method of the part file held up at `gate`. */
function runtimeHeldAt(gate: Gate, method: "read" | "write"): Runtime {
  return runtimeWith(hangingFile(".part", method)(gate));
}

test("80 cancel with discard while a write hangs: nothing is left once it goes on", async () => {
  const gate = new Gate();
  await using scene = await Scene.open({ size: SIZE }, () => starterOn(runtimeHeldAt(gate, "write")));
  const handle = scene.download();
  await gate.reached;
  handle.cancel({ discard: true });
  await assert.rejects(handle.wait(), { code: "cancelled" });
  gate.open();
  await handle.closed;
  await scene.assertLeft([]);
  await scene.complete();
});

test("80 pause while this thread hashes, because there is no other", async () => {
  const { Worker } = globalThis;
  Object.assign(globalThis, { Worker: undefined });
  try {
    const gate = new Gate();
    await using scene = await Scene.open(
      { size: SIZE, seed: SEED },
      () => starterOn(runtimeHeldAt(gate, "read")),
    );
    const handle = scene.download({ checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}` });
    await gate.reached;
    for await (const { state } of handle) if (state === "verifying") break;
    const stopped = assertStops(handle, "pause");
    gate.open();
    await stopped;
    await handle.closed;
    await scene.assertLeft(KEPT);
    await scene.complete();
  } finally {
    Object.assign(globalThis, { Worker });
  }
});
