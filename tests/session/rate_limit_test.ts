// The rate limit of a download and of a downloader, measured over real sockets in real time.
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloadHandle, type DownloaderOptions } from "../../mod.ts";
import { assertFileIs } from "../helpers/content.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const SEED = 7;
const KIB = 1024;
const MIB = 2 ** 20;
/** Many small requests, so that a limit that were kept for each request would be seen. */
const SPLIT = { pieceSize: 65_536, minSegmentSize: 65_536 };

/** A server for downloads that take `seconds` at `rate`. */
function open(size: number, options: DownloaderOptions = {}): Promise<Scene> {
  return Scene.open({ size, seed: SEED }, (logger) => new Downloader({ ...options, logger }));
}

function assertNear(actual: number, expected: number, what: string): void {
  ok(
    Math.abs(actual / expected - 1) <= 0.05,
    `${what}: ${actual.toFixed(0)} instead of ${expected.toFixed(0)}`,
  );
}

/** Bytes a second over the next `ms`, of all `handles` together. */
async function rateOver(ms: number, ...handles: readonly DownloadHandle[]): Promise<number> {
  const downloaded = () => handles.reduce((sum, { snapshot }) => sum + snapshot.downloaded, 0);
  const [startMs, start] = [performance.now(), downloaded()];
  await sleep(ms);
  return (downloaded() - start) / (performance.now() - startMs) * 1000;
}

/** Milliseconds until all of `work` is done. */
async function timed(work: readonly Promise<unknown>[]): Promise<number> {
  const startMs = performance.now();
  await Promise.all(work);
  return performance.now() - startMs;
}

const RATE = 2 * MIB;
const FIVE_SECONDS = 5 * RATE;

async function steady(maxConnections: number): Promise<void> {
  await using scene = await open(FIVE_SECONDS);
  const handle = scene.download({ ...SPLIT, maxConnections, maxDownloadSpeed: RATE });
  const [ms, rate] = await Promise.all([
    timed([scene.completed(handle)]),
    sleep(500).then(() => rateOver(4000, handle)),
  ]);
  assertNear(ms, 5000, `${maxConnections} connections, milliseconds for the file`);
  assertNear(rate, RATE, `${maxConnections} connections, rate on the way`);
  strictEqual(scene.server.maxOpenConnections, maxConnections);
}

async function shared(): Promise<void> {
  await using scene = await open(FIVE_SECONDS / 2, { maxDownloadSpeed: RATE });
  const names = ["a.bin", "b.bin"].map((name) => scene.directory.join(name));
  const handles = names.map((outputPath, index) =>
    scene.download({ ...SPLIT, outputPath, maxConnections: 1 + 3 * index })
  );
  const ms = await timed(handles.map((handle) => handle.wait()));
  assertNear(ms, 5000, "two downloads, milliseconds for both");
  for (const name of names) await assertFileIs(name, SEED, FIVE_SECONDS / 2);
}

test("within 5 % of the rate over 5 s: one connection; eight together; two downloads together", async () => {
  await Promise.all([steady(1), steady(8), shared()]);
});

async function both(): Promise<void> {
  await using scene = await open(8 * MIB, { maxDownloadSpeed: MIB });
  const names = ["slow.bin", "fast.bin"].map((name) => scene.directory.join(name));
  const [slow, fast] = names.map((outputPath) => scene.download({ outputPath })) as [
    DownloadHandle,
    DownloadHandle,
  ];
  slow.maxDownloadSpeed = MIB / 4;
  await until(() => slow.snapshot.downloaded > 0 && fast.snapshot.downloaded > 0);
  const [slowRate, all] = await Promise.all([rateOver(4000, slow), rateOver(4000, slow, fast)]);
  assertNear(slowRate, MIB / 4, "a download with a limit of its own");
  assertNear(all, MIB, "that download and another one under the limit of both");
}

/** `change` is made while a download runs; from a second later on at the latest it has the new rate. */
async function changed(
  name: string,
  { from, to, on, maxConnections }: {
    readonly from: number;
    readonly to: number;
    readonly on: "handle" | "downloader";
    readonly maxConnections: number;
  },
): Promise<void> {
  let downloader!: Downloader;
  const respond = () => ({ throttle: 8 * MIB / maxConnections });
  await using scene = await Scene.open(
    { size: 40 * MIB, seed: SEED, respond },
    () => downloader = new Downloader({ maxDownloadSpeed: on === "downloader" ? from : 0 }),
  );
  const handle = scene.download({ ...SPLIT, maxConnections, maxDownloadSpeed: on === "handle" ? from : 0 });
  await until(() => handle.snapshot.downloaded > 0);
  await sleep(800);
  const limited = on === "handle" ? handle : downloader;
  strictEqual(limited.maxDownloadSpeed, from);
  limited.maxDownloadSpeed = to;
  const first = await rateOver(1000, handle);
  const then = await rateOver(2000, handle);
  console.log(name, first, then)
  assertNear(then, to, name);
}

test("a limit that is raised, lowered or set while running has its effect within a second", async () => {
  await Promise.all([
    both(),
    changed("raised", { from: MIB / 4, to: 2 * MIB, on: "handle", maxConnections: 1 }),
    changed("raised, eight connections", { from: MIB / 8, to: 2 * MIB, on: "handle", maxConnections: 8 }),
    changed("raised for all", { from: MIB / 4, to: MIB, on: "downloader", maxConnections: 4 }),
    changed("lowered", { from: 2 * MIB, to: MIB / 2, on: "handle", maxConnections: 4 }),
    changed("set", { from: 0, to: MIB, on: "handle", maxConnections: 1 }),
    changed("set for all", { from: 0, to: MIB, on: "downloader", maxConnections: 8 }),
  ]);
});
