import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader, type DownloadHandle, type ProgressSnapshot } from "../../mod.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 12;
const SIZE = 2_000_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
/** On each connection. */
const THROTTLE = 500_000;
const ORDER = ["pending", "downloading", "verifying", "completed"];
/** How early a timer may be. */
const TIMER_SLACK_MS = 2;

interface Look extends ProgressSnapshot {
  readonly atMs: number;
}

async function watch(handle: DownloadHandle): Promise<Look[]> {
  const looks: Look[] = [];
  for await (const snapshot of handle) looks.push({ ...snapshot, atMs: performance.now() });
  return looks;
}

test("snapshots of a download: at most every 100 ms, in order, and true", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: () => ({ throttle: THROTTLE }),
  });
  const handle = scene.download({ maxConnections: 4, checksum: CHECKSUM });
  const [looks, others] = await Promise.all([watch(handle), watch(handle)]);
  await scene.completed(handle);

  const [first, last] = [looks[0]!, looks.at(-1)!];
  assert.deepEqual(
    [
      first.state,
      first.path,
      first.downloaded,
      first.total,
      first.speed,
      first.etaSeconds,
      first.connections,
    ],
    ["pending", undefined, 0, undefined, 0, undefined, 0],
  );
  assert.deepEqual(
    [last.state, last.path, last.downloaded, last.total, last.speed, last.etaSeconds, last.connections],
    ["completed", scene.path, SIZE, SIZE, 0, undefined, 0],
  );
  assert.equal(looks.filter(({ state }) => state === "completed").length, 1);
  assert.equal(others.at(-1)?.state, "completed");

  for (const [index, look] of looks.slice(1).entries()) {
    const before = looks[index]!;
    assert.ok(
      ORDER.indexOf(look.state) >= ORDER.indexOf(before.state),
      `${look.state} after ${before.state}`,
    );
    assert.ok(look.downloaded >= before.downloaded, `${look.downloaded} bytes after ${before.downloaded}`);
    assert.ok(look.elapsedMs >= before.elapsedMs, "time ran backwards");
    assert.ok(look.connections <= 4, `${look.connections} connections`);
    if (look === last) break;
    assert.ok(look.atMs - before.atMs >= 100 - TIMER_SLACK_MS, `two within ${look.atMs - before.atMs} ms`);
  }
  assert.ok(looks.length >= 6, `only ${looks.length} snapshots`);
  assert.ok(looks.some(({ connections }) => connections === 4));
  assert.ok(looks.every(({ path, downloaded }) => downloaded === 0 || path === scene.path));
});

test("speed and time left are about right in the middle of a steady download", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: () => ({ throttle: 2 * THROTTLE }),
  });
  const handle = scene.download();
  const looks = await watch(handle);
  const endMs = looks.at(-1)!.atMs;
  const middle = looks.filter(({ downloaded }) => downloaded > SIZE / 3 && downloaded < SIZE * 0.7);
  assert.ok(middle.length >= 3, `only ${middle.length} snapshots`);
  for (const { speed, etaSeconds = NaN, downloaded, atMs } of middle) {
    // A busy machine is slower than the throttle of the server.
    assert.ok(speed < 2.5 * THROTTLE && speed > THROTTLE, `speed ${speed}`);
    assert.ok(Math.abs(etaSeconds - (SIZE - downloaded) / speed) < 0.05, `${etaSeconds} s left at ${speed}`);
    const tookMs = endMs - atMs;
    assert.ok(
      etaSeconds * 1000 > tookMs / 2 && etaSeconds * 1000 < tookMs * 2 + 500,
      `${etaSeconds} s left, took ${tookMs} ms`,
    );
  }
});

test("a resumed download begins with the bytes of the earlier run", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: () => ({ throttle: 2 * THROTTLE }),
  });
  const first = scene.download();
  await until(() => first.snapshot.downloaded > SIZE / 4);
  first.pause();
  await first.closed;
  const saved = first.snapshot.downloaded;
  const second = scene.download();
  for (const { downloaded, state } of await watch(second)) {
    assert.ok(
      state === "pending" || downloaded === 0 || downloaded >= saved,
      `${downloaded} bytes, ${state}`,
    );
  }
  assert.equal((await scene.completed(second)).resumedBytes, saved);
});

test("time waiting for a turn does not count as elapsed", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 100_000,
    respond: ({ path }) => path === "/a" ? { throttle: 400_000 } : undefined,
  });
  await using downloader = new Downloader({ maxConcurrentDownloads: 1, defaults: { outputDir: dir.path } });
  const [a, b] = ["a", "b"].map((name) => downloader.download(new URL(name, server.url)));
  const looks = await watch(b!);
  const waiting = looks.filter(({ state }) => state === "pending");
  assert.ok(waiting.length >= 2, `only ${waiting.length} snapshots while it waited`);
  assert.deepEqual(new Set(waiting.map(({ elapsedMs }) => elapsedMs)), new Set([0]));
  assert.ok(looks.at(-1)!.elapsedMs < a!.snapshot.elapsedMs);
  assert.ok(looks.at(-1)!.elapsedMs >= (await b!.wait()).elapsedMs);
});

test("a failed download: iterating ends with it and does not throw", async () => {
  await using scene = await Scene.open({ size: SIZE, respond: () => ({ status: 404 }) });
  const handle = scene.download();
  const states = (await watch(handle)).map(({ state }) => state);
  assert.deepEqual([states[0], states.indexOf("failed")], ["pending", states.length - 1]);
  assert.deepEqual((await watch(handle)).map(({ state }) => state), ["failed"]);
  await scene.failed("http_status", handle);
});

test("an iteration that is left does not stop the download", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED });
  const handle = scene.download();
  for await (const { state } of handle) {
    if (state !== "pending") break;
  }
  await scene.completed(handle);
});

test("await using ends a handle: connections, lock and files are closed, progress is kept", async () => {
  await using scene = await Scene.open({ size: SIZE, respond: () => ({ silentAfter: 100_000 }) });
  let left: DownloadHandle;
  {
    await using handle = scene.download();
    left = handle;
    await until(() => handle.snapshot.downloaded === 100_000);
  }
  assert.equal(left.snapshot.state, "cancelled");
  await assert.rejects(left.wait(), { code: "cancelled" });
  await scene.assertLeft(KEPT);
  await until(() => scene.server.openConnections === 0);
  scene.respond = () => undefined;
  assert.equal((await scene.complete()).resumedBytes, 100_000);
});

test("await using leaves a finished handle as it is", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED });
  let left: DownloadHandle;
  {
    await using handle = scene.download();
    left = handle;
    await handle.wait();
  }
  await scene.completed(left);
});

test("await using ends a downloader with all its downloads, running, waiting and over", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: SIZE,
    respond: ({ path }) => path === "/over" ? undefined : { silentAfter: 100_000 },
  });
  const handles: DownloadHandle[] = [];
  {
    await using downloader = new Downloader({ maxConcurrentDownloads: 2, defaults: { outputDir: dir.path } });
    const add = (name: string) => downloader.download(new URL(name, server.url));
    handles.push(add("over"));
    await handles[0]!.wait();
    handles.push(add("a"), add("b"), add("waiting"));
    await until(() => handles.slice(1, 3).every(({ snapshot }) => snapshot.downloaded === 100_000));
  }
  assert.deepEqual(
    handles.map(({ snapshot }) => snapshot.state),
    ["completed", "cancelled", "cancelled", "cancelled"],
  );
  assert.deepEqual(await dir.list(), ["a.bytehaul", "a.part", "b.bytehaul", "b.part", "over"]);
});
