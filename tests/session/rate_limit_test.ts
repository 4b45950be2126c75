// The rate limit of a download and of a downloader, measured over real sockets in real time.
import { ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloaderOptions, type DownloadHandle } from "../../mod.ts";
import { assertFileIs } from "../helpers/content.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const SEED = 7;
const MIB = 2 ** 20;
/** Many small requests, so that a limit that were kept for each request would be seen. */
const SPLIT = { pieceSize: 65_536, minSegmentSize: 65_536 };

function open(size: number, options: DownloaderOptions = {}): Promise<Scene> {
  return Scene.open({ size, seed: SEED }, (logger) => new Downloader({ ...options, logger }));
}

/** What was measured, and how much of that time this process stood still because the machine had other work. */
interface Measured {
  readonly ms: number;
  readonly bytes: number;
  readonly stalledMs: number;
}

const TICK_MS = 5;
/** A timer that is later than this was kept waiting by the machine. */
const LATE_MS = 20;

/** Measures what `handles` fetch together until `work` is done. */
async function measure(work: Promise<unknown>, ...handles: readonly DownloadHandle[]): Promise<Measured> {
  const downloaded = () => handles.reduce((sum, { snapshot }) => sum + snapshot.downloaded, 0);
  const [startMs, start] = [performance.now(), downloaded()];
  let stalledMs = 0;
  let tickedMs = startMs;
  const ticks = setInterval(() => {
    const lateMs = performance.now() - tickedMs - TICK_MS;
    if (lateMs > LATE_MS) stalledMs += lateMs;
    tickedMs = performance.now();
  }, TICK_MS);
  try {
    await work;
    return { ms: performance.now() - startMs, bytes: downloaded() - start, stalledMs };
  } finally {
    clearInterval(ticks);
  }
}

/** Never more than 5 % above the rate; less than 5 % below it only for time in which nothing could run. */
function assertRate(name: string, { ms, bytes, stalledMs }: Measured, bytesPerSecond: number): void {
  const expected = bytesPerSecond * ms / 1000;
  const excused = bytesPerSecond * stalledMs / 1000;
  const told = `${name}: ${bytes} bytes in ${ms.toFixed(0)} ms, of which ${stalledMs.toFixed(0)} ms stalled`;
  ok(bytes <= expected * 1.05, `${told}: faster than ${bytesPerSecond} a second`);
  ok(bytes >= expected * 0.95 - excused, `${told}: slower than ${bytesPerSecond} a second`);
}

const RATE = 2 * MIB;
const FIVE_SECONDS = 5 * RATE;

/** The file is so large that it takes 5 s as a whole. */
async function oneFile(maxConnections: number): Promise<void> {
  await using scene = await open(FIVE_SECONDS);
  const handle = scene.download({ ...SPLIT, maxConnections, maxDownloadSpeed: RATE });
  assertRate(`${maxConnections} connections`, await measure(scene.completed(handle), handle), RATE);
  strictEqual(scene.server.maxOpenConnections, maxConnections);
}

async function twoFiles(): Promise<void> {
  await using scene = await open(FIVE_SECONDS / 2, { maxDownloadSpeed: RATE });
  const paths = ["a.bin", "b.bin"].map((name) => scene.directory.join(name));
  const handles = paths.map((outputPath, index) =>
    scene.download({ ...SPLIT, outputPath, maxConnections: 1 + 3 * index })
  );
  const measured = await measure(Promise.all(handles.map((handle) => handle.wait())), ...handles);
  assertRate("two downloads", measured, RATE);
  for (const path of paths) await assertFileIs(path, SEED, FIVE_SECONDS / 2);
}

test("within 5 % of the rate over 5 s: one connection; eight together; two downloads together", async () => {
  await Promise.all([oneFile(1), oneFile(8), twoFiles()]);
});

/** What the server sends to all connections of one download, where no limit is set. */
const UNLIMITED = 8 * MIB;

interface Change {
  readonly from: number;
  readonly to: number;
  readonly on: "handle" | "downloader";
  readonly maxConnections: number;
}

/** Changes the limit of a download under way, and hands it to `look`. */
async function change(
  { from, to, on, maxConnections }: Change,
  size: number,
  look: (scene: Scene, handle: DownloadHandle) => Promise<void>,
): Promise<void> {
  const respond = () => ({ throttle: UNLIMITED / maxConnections });
  const downloader = new Downloader({ maxDownloadSpeed: on === "downloader" ? from : 0 });
  await using scene = await Scene.open({ size, seed: SEED, respond }, () => downloader);
  const handle = scene.download({ ...SPLIT, maxConnections, maxDownloadSpeed: on === "handle" ? from : 0 });
  await until(() => handle.snapshot.downloaded > 0);
  await sleep(700);
  const limited = on === "handle" ? handle : downloader;
  strictEqual(limited.maxDownloadSpeed, from);
  limited.maxDownloadSpeed = to;
  await look(scene, handle);
}

function changed(name: string, given: Change): Promise<void> {
  return change(given, 40 * MIB, async (_, handle) => {
    await sleep(1000);
    strictEqual(handle.snapshot.state, "downloading");
    assertRate(name, await measure(sleep(2500), handle), given.to);
  });
}

/** The rest of the file would take half a minute under the limit. */
function removed(given: Omit<Change, "from" | "to">): Promise<void> {
  const from = MIB / 4;
  return change({ ...given, from, to: 0 }, UNLIMITED, async (scene, handle) => {
    const { ms, stalledMs } = await measure(scene.completed(handle), handle);
    ok(ms < 2500 + stalledMs, `removed: the rest took ${ms} ms, of which ${stalledMs} ms stalled`);
  });
}

/** One download has a limit of its own, below its share of the limit of both. */
async function both(): Promise<void> {
  await using scene = await open(8 * MIB, { maxDownloadSpeed: MIB });
  const paths = ["slow.bin", "fast.bin"].map((name) => scene.directory.join(name));
  const [slow, fast] = [MIB / 4, 0].map((maxDownloadSpeed, index) =>
    scene.download({ outputPath: paths[index]!, maxDownloadSpeed })
  ) as [DownloadHandle, DownloadHandle];
  await until(() => slow.snapshot.downloaded > 0 && fast.snapshot.downloaded > 0);
  const [alone, together] = await Promise.all([measure(sleep(4000), slow), measure(sleep(4000), slow, fast)]);
  assertRate("two downloads, one with a limit of its own, too", together, MIB);
  ok(
    alone.bytes <= MIB / 4 * alone.ms / 1000 * 1.05,
    `its own limit: ${alone.bytes} bytes in ${alone.ms} ms`,
  );
  ok(alone.bytes > MIB / 8 * alone.ms / 1000, `its share: ${alone.bytes} bytes in ${alone.ms} ms`);
}

test("a limit that is raised, lowered, set or removed while running has its effect within a second", async () => {
  await Promise.all([
    both(),
    changed("raised", { from: MIB / 4, to: 2 * MIB, on: "handle", maxConnections: 1 }),
    changed("raised, eight connections", { from: MIB / 8, to: 2 * MIB, on: "handle", maxConnections: 8 }),
    changed("raised for all", { from: MIB / 4, to: MIB, on: "downloader", maxConnections: 4 }),
    changed("lowered", { from: 2 * MIB, to: MIB / 2, on: "handle", maxConnections: 4 }),
    changed("set", { from: 0, to: MIB, on: "handle", maxConnections: 1 }),
    changed("set for all", { from: 0, to: MIB, on: "downloader", maxConnections: 8 }),
    removed({ on: "handle", maxConnections: 1 }),
    removed({ on: "downloader", maxConnections: 4 }),
  ]);
});
