import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DownloadError, DownloadHandle, ProgressSnapshot } from "../../mod.ts";
import { Child } from "../helpers/child.ts";
import { assertFileIs, contentHash, seededRandom } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 8;
const SIZE = 2_500_000;
const BOUNDED = { timeout: 20_000 };

/** Looks at a download until it is over, and returns what was seen. */
async function watch(handle: DownloadHandle): Promise<ProgressSnapshot[]> {
  return await Array.fromAsync(handle);
}

type Act = (handle: DownloadHandle, controller: AbortController) => void;

const ACTS: Readonly<Record<string, Act>> = {
  "pause": (handle) => handle.pause(),
  "cancel": (handle) => handle.cancel(),
  "cancel with discard": (handle) => handle.cancel({ discard: true }),
  "an abort": (_, controller) => controller.abort(new Error("by the caller")),
};

const FINAL = new Set(["completed", "failed", "cancelled", "paused"]);

for (const [first, act] of Object.entries(ACTS)) {
  for (const [second, actAgain] of Object.entries(ACTS)) {
    test(`81 ${first}, then ${second}: the first decides`, async () => {
      const pauses = [() => {}, () => Promise.resolve(), () => sleep(0), () => sleep(5)];
      for (const pause of pauses) {
        await using scene = await Scene.open({ size: SIZE, respond: () => ({ silentAfter: 100_000 }) });
        const controller = new AbortController();
        const handle = scene.download({ signal: controller.signal });
        const seen = [watch(handle), watch(handle)];
        await until(() => handle.snapshot.downloaded === 100_000);
        act(handle, controller);
        await pause();
        actAgain(handle, controller);
        const reason: unknown = await handle.wait().catch((error) => error);
        await handle.closed;
        seen.push(watch(handle));
        const state = first === "pause" ? "paused" : "cancelled";
        if (first === "an abort") assert.equal(reason, controller.signal.reason);
        else assert.equal((reason as DownloadError).code, state);
        for (const snapshots of await Promise.all(seen)) {
          assert.deepEqual(snapshots.filter((it) => FINAL.has(it.state)), [handle.snapshot]);
          assert.deepEqual(snapshots.at(-1), handle.snapshot);
        }
        assert.equal(handle.snapshot.state, state);
        assert.equal(await handle.wait().catch((error) => error), reason);
        const isDiscarded = [first, second].includes("cancel with discard");
        await scene.assertLeft(isDiscarded ? [] : KEPT);
      }
    });
  }
}

test(
  "81 stopped at any moment, also while it finishes: one final state, and what it says is so",
  BOUNDED,
  async () => {
    const random = seededRandom(81);
    const counts = { completed: 0, paused: 0, cancelled: 0 };
    for (let round = 0; round < 40; round++) {
      await using scene = await Scene.open({ size: 60_000 });
      const handle = scene.download();
      const seen = watch(handle);
      const stopAtMs = performance.now() + random() * 25;
      while (performance.now() < stopAtMs && handle.snapshot.state !== "completed") await sleep(0);
      const acts = random() < 0.5 ? [ACTS["pause"]!, ACTS["cancel"]!] : [ACTS["cancel"]!, ACTS["pause"]!];
      for (const act of acts) act(handle, new AbortController());
      const outcome: unknown = await handle.wait().catch((error) => error);
      await handle.closed;
      const { state } = handle.snapshot;
      assert.equal((await seen).filter((it) => FINAL.has(it.state)).length, 1);
      assert.ok(state === "completed" || state === "paused" || state === "cancelled", state);
      counts[state]++;
      if (state === "completed") await scene.completed(handle);
      else {
        assert.equal((outcome as DownloadError).code, state);
        await scene.complete();
      }
    }
    assert.ok(counts.completed > 0 && counts.paused > 0 && counts.cancelled > 0, JSON.stringify(counts));
  },
);

test("82 what the server still sends after a pause is not written", async () => {
  await using scene = await Scene.open({ size: SIZE, respond: () => ({ throttle: 500_000 }) });
  const handle = scene.download({ maxConnections: 4 });
  await until(() => handle.snapshot.downloaded > 100_000);
  handle.pause();
  await handle.closed;
  const files = () => Promise.all(KEPT.map((name) => readFile(scene.directory.join(name))));
  const [before, { downloaded }] = [await files(), handle.snapshot];
  await scene.server.until(() => scene.server.openConnections === 0);
  assert.deepEqual(await files(), before);
  assert.equal(handle.snapshot.downloaded, downloaded);
  scene.respond = () => undefined;
  const { resumedBytes } = await scene.complete();
  assert.equal(resumedBytes, downloaded);
});

const BUDGETS = [16_384, 17_000, 20_000, 65_536, 300_000];

for (const memoryBudget of BUDGETS) {
  for (const checksum of [undefined, `sha256:${contentHash(SEED, SIZE, "sha256")}`]) {
    const name = `83 a budget of ${memoryBudget} bytes, ${checksum ? "with" : "without"} a checksum`;
    test(`${name}: eight connections move, and end right`, BOUNDED, async () => {
      await using scene = await Scene.open({ size: SIZE, seed: SEED });
      const common = { maxConnections: 8, memoryBudget, ...(checksum === undefined ? {} : { checksum }) };
      await scene.complete({ ...common, pieceSize: 1_048_576 });
    });
  }
}

test("83 the smallest budget, with a rate limit and small chunks", BOUNDED, async () => {
  const respond = () => ({ chunked: true, chunkSize: 1000 });
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond });
  await scene.complete({ maxConnections: 8, memoryBudget: 16_384, maxDownloadSpeed: 5_000_000 });
});

test("83 the smallest budget, where every connection breaks again and again", BOUNDED, async () => {
  const random = seededRandom(83);
  // Bun throws away what came in the same moment as the end.
  const respond = () => ({ cutAfter: 100_000 + Math.floor(random() * 200_000), throttle: 5_000_000 });
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond });
  await scene.complete({ maxConnections: 8, memoryBudget: 16_384 });
});

const DROPPED = fileURLToPath(new URL("dropped_child.ts", import.meta.url));
const WITH_GC = { denoFlags: ["-A", "--v8-flags=--expose-gc"] };

test(
  "84 a handle that nobody holds: the download goes on, and the process ends by itself after it",
  BOUNDED,
  async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      size: SIZE,
      seed: SEED,
      respond: () => ({ throttle: 4_000_000 }),
    });
    await using child = new Child(DROPPED, [server.url, dir.join("file.bin")], WITH_GC);
    await server.until(() => server.bytesServed >= SIZE);
    const servedMs = performance.now();
    const { status, stderr } = await child.ended;
    const elapsedMs = performance.now() - servedMs;
    assert.deepEqual([status, stderr], [0, ""]);
    assert.ok(elapsedMs < 3000, `it ended ${elapsedMs.toFixed(0)} ms after the last byte`);
    await assertFileIs(dir.join("file.bin"), SEED, SIZE);
    assert.deepEqual(await dir.list(), ["file.bin"]);
  },
);

const FAILURES: Readonly<Record<string, Reply>> = {
  "refused by the server": { status: 404 },
  "cut in the body, and then refused": { cutAfter: 50_000 },
  "sent another range": { headers: { "Content-Range": "bytes 5-9/10" } },
};

for (const [name, reply] of Object.entries(FAILURES)) {
  test(`84 a handle that nobody holds, ${name}: no rejection is left unhandled`, BOUNDED, async () => {
    await using dir = await temporaryDirectory();
    const respond = ({ index }: RecordedRequest) => index === 0 ? reply : { status: 404 };
    await using server = await FaultServer.start({ size: SIZE, respond });
    await using child = new Child(DROPPED, [server.url, dir.join("file.bin")], WITH_GC);
    const { status, stderr } = await child.ended;
    assert.deepEqual([status, stderr], [0, ""]);
    assert.ok(server.requests.length > 0);
    assert.ok(!(await dir.list()).includes("file.bin"));
  });
}
