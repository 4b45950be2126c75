// What a caller sees while a download runs: snapshots, states, disposal and abort signals.
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import type { DownloadHandle, DownloadState, ProgressSnapshot } from "../../mod.ts";
import { Downloader, DownloadError } from "../../mod.ts";
import { contentHash } from "../helpers/content.ts";
import { KEPT, Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const SEED = 23;
const SIZE = 1_000_003;
const HALF = 500_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const ORDER: readonly DownloadState[] = ["pending", "downloading", "verifying"];
const FINAL: readonly DownloadState[] = ["completed", "failed", "cancelled", "paused"];

interface Seen extends ProgressSnapshot {
  readonly atMs: number;
}

/** Everything that one iteration shows. */
async function watch(handle: DownloadHandle): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const snapshot of handle) seen.push({ ...snapshot, atMs: performance.now() });
  return seen;
}

/** What holds for every iteration: states in order, one final state, at the end, and no haste. */
function assertOrderly(seen: readonly Seen[], final: DownloadState): void {
  const states = seen.map(({ state }) => state);
  strictEqual(states.at(-1), final, `${states}`);
  strictEqual(states.filter((state) => FINAL.includes(state)).length, 1, `${states}`);
  const ranks = states.slice(0, -1).map((state) => ORDER.indexOf(state));
  deepStrictEqual(ranks, ranks.toSorted((a, b) => a - b), `${states}`);
  for (const [index, { atMs }] of seen.entries()) {
    const next = seen[index + 1];
    // The last one comes as soon as the download is over.
    if (next === undefined || next.state === final) break;
    // A timer may be a millisecond early.
    ok(next.atMs - atMs >= 98, `${next.atMs - atMs} ms between two snapshots`);
  }
}

/** What holds while nothing goes wrong. */
function assertGrowing(seen: readonly Seen[], size: number): void {
  for (const [index, { downloaded, elapsedMs, total }] of seen.entries()) {
    const next = seen[index + 1];
    ok(downloaded <= size, `${downloaded} of ${size} bytes`);
    ok(next === undefined || next.downloaded >= downloaded, `${downloaded} bytes, then ${next?.downloaded}`);
    ok(next === undefined || next.elapsedMs >= elapsedMs, `${elapsedMs} ms, then ${next?.elapsedMs}`);
    if (downloaded > 0) strictEqual(total, size);
  }
}

/** A server that sends half of the file, and then nothing. */
function openSilent(): Promise<Scene> {
  return Scene.open({ size: SIZE, seed: SEED, respond: () => ({ silentAfter: HALF }) });
}

async function reachHalf(handle: DownloadHandle): Promise<void> {
  await until(() => handle.snapshot.downloaded === HALF);
}

for (const connections of [1, 4]) {
  test(`a normal run over ${connections} connections: snapshots from the start to the end`, async () => {
    // A second in all: long enough for ten snapshots.
    const respond = () => ({ throttle: SIZE / connections });
    await using scene = await Scene.open({ size: SIZE, seed: SEED, respond });
    const handle = scene.download({ maxConnections: connections, checksum: CHECKSUM });
    const seen = await watch(handle);
    await scene.completed(handle);
    assertOrderly(seen, "completed");
    assertGrowing(seen, SIZE);
    ok(seen.length >= 5, `${seen.length} snapshots`);
    const last = seen.at(-1)!;
    deepStrictEqual(
      [last.downloaded, last.total, last.path, last.connections, last.speed, last.etaSeconds],
      [SIZE, SIZE, scene.path, 0, 0, undefined],
    );
    deepStrictEqual(seen.map((snapshot) => snapshot.connections).toSorted((a, b) => a - b).at(-1), connections);
    const moving = seen.filter(({ state, speed }) => state === "downloading" && speed > 0);
    ok(moving.length >= 3, `${moving.length} snapshots with a speed`);
    for (const { downloaded, speed, etaSeconds } of moving) {
      const expected = (SIZE - downloaded) / speed;
      ok(Math.abs(etaSeconds! - expected) < 1e-6, `${etaSeconds} s instead of ${expected}`);
    }
    // Half-way through the server's second, half a second is left, give or take what a busy machine does.
    const middle = moving[Math.floor(moving.length / 2)]!;
    const left = (last.elapsedMs - middle.elapsedMs) / 1000;
    ok(Math.abs(middle.etaSeconds! - left) < 0.5, `${middle.etaSeconds} s told, ${left} s taken`);
  });
}

test("every state in its order: waiting for its turn, downloading, verifying, completed", async () => {
  await using scene = await Scene.open(
    { size: SIZE, seed: SEED, respond: ({ path }) => path === "/first" ? { silentAfter: 1000 } : undefined },
    () => new Downloader({ maxConcurrentDownloads: 1 }),
  );
  const first = scene.download({ url: new URL("/first", scene.server.url), outputPath: scene.directory.join("a") });
  const handle = scene.download({ checksum: CHECKSUM });
  const states: DownloadState[] = [];
  const looking = (async () => {
    for await (const { state } of handle) states.push(state);
  })();
  await until(() => first.snapshot.downloaded === 1000);
  strictEqual(handle.snapshot.state, "pending");
  strictEqual(scene.server.requests.length, 1);
  first.cancel({ discard: true });
  await scene.completed(handle);
  await looking;
  strictEqual(states[0], "pending");
  strictEqual(states.at(-1), "completed");
});

test("a resumed run begins with the bytes of the earlier one, and never shows less", async () => {
  await using scene = await openSilent();
  const paused = scene.download();
  await reachHalf(paused);
  paused.pause();
  await rejects(paused.wait(), { code: "paused" });
  await paused.closed;
  scene.respond = () => ({ throttle: SIZE });
  const handle = scene.download();
  const seen = await watch(handle);
  const { resumedBytes } = await scene.completed(handle);
  assertOrderly(seen, "completed");
  assertGrowing(seen, SIZE);
  const shown = seen.map(({ downloaded }) => downloaded).filter((bytes) => bytes > 0);
  ok(resumedBytes > 0 && shown[0]! >= resumedBytes, `${shown[0]} bytes shown, ${resumedBytes} resumed`);
});

const ENDS: readonly (readonly [DownloadState, (handle: DownloadHandle) => void])[] = [
  ["paused", (handle) => handle.pause()],
  ["cancelled", (handle) => handle.cancel()],
];
for (const [state, stop] of ENDS) {
  test(`a ${state} download: the iteration ends with that state, once`, async () => {
    await using scene = await openSilent();
    const handle = scene.download();
    const looking = watch(handle);
    await reachHalf(handle);
    stop(handle);
    await rejects(handle.wait(), { code: state });
    const seen = await looking;
    assertOrderly(seen, state);
    strictEqual(seen.at(-1)?.downloaded, HALF);
    handle.pause();
    handle.cancel();
    strictEqual(handle.snapshot.state, state);
    deepStrictEqual((await watch(handle)).map((snapshot) => snapshot.state), [state]);
  });
}

test("a failed download: the iteration ends with that state and does not throw", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => ({ status: 404 }) });
  const handle = scene.download();
  const seen = await watch(handle);
  assertOrderly(seen, "failed");
  await scene.failed("http_status", handle);
});

test("several iterations of one handle each see the end, and one that is left early ends nothing", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => ({ throttle: 2 * SIZE }) });
  const handle = scene.download();
  for await (const { downloaded } of handle) if (downloaded > 0) break;
  const all = await Promise.all([watch(handle), watch(handle)]);
  await scene.completed(handle);
  for (const seen of all) assertOrderly(seen, "completed");
});

test("await using on a handle: cancelled, kept, everything closed", async () => {
  await using scene = await openSilent();
  let left: DownloadHandle;
  {
    await using handle = scene.download();
    await reachHalf(left = handle);
  }
  strictEqual(left.snapshot.state, "cancelled");
  await rejects(left.wait(), { code: "cancelled" });
  await scene.assertLeft(KEPT);
  await scene.server.until(() => scene.server.openConnections === 0);
});

test("await using on a finished handle changes nothing", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED });
  {
    await using handle = scene.download();
    await scene.completed(handle);
  }
  await scene.assertLeft(["file.bin"]);
});

test("await using on a downloader: all its downloads are cancelled and kept, everything closed", async () => {
  await using scene = await openSilent();
  const handles: DownloadHandle[] = [];
  {
    await using downloader = new Downloader({ maxConcurrentDownloads: 2 });
    for (const name of ["a", "b", "c"]) {
      handles.push(downloader.download({ url: scene.server.url, outputPath: scene.directory.join(name) }));
    }
    await Promise.all(handles.slice(0, 2).map(reachHalf));
  }
  deepStrictEqual(handles.map(({ snapshot }) => snapshot.state), ["cancelled", "cancelled", "cancelled"]);
  for (const handle of handles) await rejects(handle.wait(), { code: "cancelled" });
  await scene.assertLeft(["a.bytehaul", "a.part", "b.bytehaul", "b.part"]);
  strictEqual(scene.server.requests.length, 2);
  await scene.server.until(() => scene.server.openConnections === 0);
});

/** A signal that tells how many listen to it. */
function countingSignal(): { signal: AbortSignal; abort: (reason?: unknown) => void; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const added = new Set<unknown>();
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    added.add(args[1]);
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    added.delete(args[1]);
    remove.apply(signal, args);
  };
  return { signal, abort: (reason) => controller.abort(reason), listeners: () => added.size };
}

class Reason extends Error {}

for (const reason of [new Reason("enough"), "a word", undefined]) {
  test(`a signal that is aborted already, with ${reason}: no request, no file`, async () => {
    await using scene = await Scene.open({ size: SIZE, seed: SEED });
    const signal = AbortSignal.abort(reason);
    const handle = scene.download({ signal });
    await handle.wait().then(() => ok(false, "finished"), (error) => strictEqual(error, signal.reason));
    await handle.closed;
    deepStrictEqual((await watch(handle)).map(({ state }) => state), ["cancelled"]);
    deepStrictEqual([scene.server.connections, scene.server.requests.length], [0, 0]);
    await scene.assertLeft([]);
  });

  test(`a signal that is aborted in mid-run, with ${reason}: that is the rejection, and all is kept`, async () => {
    await using scene = await openSilent();
    const { signal, abort, listeners } = countingSignal();
    const handle = scene.download({ signal });
    strictEqual(listeners(), 1);
    const looking = watch(handle);
    await reachHalf(handle);
    const startMs = performance.now();
    abort(reason);
    await handle.wait().then(() => ok(false, "finished"), (error) => strictEqual(error, signal.reason));
    ok(performance.now() - startMs < 200, "settled late");
    assertOrderly(await looking, "cancelled");
    await handle.closed;
    strictEqual(listeners(), 0);
    await scene.assertLeft(KEPT);
    scene.respond = () => undefined;
    const { resumedBytes, fetchedBytes } = await scene.complete();
    deepStrictEqual([resumedBytes, fetchedBytes], [HALF, SIZE - HALF]);
  });
}

test("the listener on the signal is removed after every other end, too", async () => {
  await using scene = await openSilent();
  const { signal, abort, listeners } = countingSignal();
  for (const [state, stop] of ENDS) {
    const handle = scene.download({ signal });
    await reachHalf(handle);
    stop(handle);
    await rejects(handle.wait(), { code: state });
    strictEqual(listeners(), 0, state);
    await handle.closed;
    scene.respond = () => ({ silentAfter: 0 });
    break;
  }
  scene.respond = () => ({ status: 404 });
  await rejects(scene.download({ signal }).wait(), DownloadError);
  strictEqual(listeners(), 0, "failed");
  scene.respond = () => undefined;
  const handle = scene.download({ signal });
  await scene.completed(handle);
  strictEqual(listeners(), 0, "completed");
  abort();
  strictEqual(handle.snapshot.state, "completed");
});
