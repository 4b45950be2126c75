import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloadHandle } from "../../../mod.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { Scene } from "../../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { until } from "../../helpers/until.ts";

const SEED = 5;
const SECONDS = 5;
const MB = 1_000_000;

/** A busy machine is slower than the limit. How near the limit a quiet one comes is measured by `deno task bench capped`. */
const LEAST = 0.5;

/** Checks that `bytes` in `seconds` are not more than `rate` allows, and not much less. */
function assertRate(bytes: number, seconds: number, rate: number, tolerance = 0.05): void {
  const share = bytes / seconds / rate;
  assert.ok(share <= 1 + tolerance && share >= LEAST, `${(share * 100).toFixed(1)} % of the rate`);
}

/** The seconds that `work` takes. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}

/** Bytes a second that arrive from one second after now until two seconds after now. */
async function rateInASecond(handle: DownloadHandle): Promise<number> {
  await sleep(1000);
  const [bytes, startedMs] = [handle.snapshot.downloaded, performance.now()];
  await sleep(1000);
  return (handle.snapshot.downloaded - bytes) / (performance.now() - startedMs) * 1000;
}

/** A change of the limit is seen over a second, in which a slice of a twentieth more or less may fall. */
const AFTER_CHANGE = 0.12;

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  "a limit of one connection": async () => {
    const size = MB * SECONDS;
    await using scene = await Scene.open({ size, seed: SEED });
    assertRate(size, await time(() => scene.complete({ maxDownloadSpeed: MB })), MB);
  },

  "a limit of eight connections together": async () => {
    const size = 2 * MB * SECONDS;
    await using scene = await Scene.open({ size, seed: SEED });
    const seconds = await time(async () => {
      const handle = scene.download({ maxDownloadSpeed: 2 * MB, maxConnections: 8 });
      await until(() => handle.snapshot.connections === 8);
      await scene.completed(handle);
    });
    assertRate(size, seconds, 2 * MB);
  },

  "a limit of the downloader, for two downloads together": async () => {
    const size = MB * SECONDS;
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size, seed: SEED });
    await using downloader = new Downloader({ maxDownloadSpeed: 2 * MB, defaults: { outputDir: dir.path } });
    const names = ["a", "b"];
    const seconds = await time(() =>
      Promise.all(names.map((name) => downloader.download(new URL(name, server.url)).wait()))
    );
    assertRate(2 * size, seconds, 2 * MB);
    for (const name of names) await assertFileIs(dir.join(name), SEED, size);
  },

  "both limits: the lower one counts": async () => {
    const size = MB * SECONDS;
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size, seed: SEED });
    await using downloader = new Downloader({ maxDownloadSpeed: 20 * MB });
    const spec = { url: server.url, outputPath: dir.join("file.bin"), maxDownloadSpeed: MB };
    assertRate(size, await time(() => downloader.download(spec).wait()), MB);
  },

  "a limit that is raised takes effect within a second": async () => {
    await using scene = await Scene.open({ size: 20 * MB, seed: SEED });
    const handle = scene.download({ maxDownloadSpeed: 100_000, maxConnections: 4 });
    await until(() => handle.snapshot.downloaded > 0);
    assertRate(await rateInASecond(handle), 1, 100_000, AFTER_CHANGE);
    handle.maxDownloadSpeed = 3 * MB;
    assertRate(await rateInASecond(handle), 1, 3 * MB, AFTER_CHANGE);
    handle.maxDownloadSpeed = 0;
    await scene.completed(handle);
  },

  "a limit that is lowered takes effect within a second": async () => {
    await using scene = await Scene.open({ size: 20 * MB, seed: SEED });
    const handle = scene.download({ maxDownloadSpeed: 1.5 * MB, maxConnections: 4 });
    await until(() => handle.snapshot.downloaded > 0);
    assertRate(await rateInASecond(handle), 1, 1.5 * MB, AFTER_CHANGE);
    handle.maxDownloadSpeed = 500_000;
    // Slices that were cut for the old rate weigh more at the new one.
    assertRate(await rateInASecond(handle), 1, 500_000, 2 * AFTER_CHANGE);
  },

  "a limit that is set while a download runs without one": async () => {
    const respond = () => ({ throttle: 1.5 * MB });
    await using scene = await Scene.open({ size: 20 * MB, seed: SEED, respond });
    const handle = scene.download({ maxConnections: 2 });
    await until(() => handle.snapshot.downloaded > 0.5 * MB);
    assert.equal(handle.maxDownloadSpeed, 0);
    handle.maxDownloadSpeed = 400_000;
    assertRate(await rateInASecond(handle), 1, 400_000, AFTER_CHANGE);
  },

  "a limit of the downloader that is set, changed and removed while a download runs": async () => {
    const respond = () => ({ throttle: 2 * MB });
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: 8 * MB, seed: SEED, respond });
    await using downloader = new Downloader();
    const spec = { url: server.url, outputPath: dir.join("file.bin"), maxConnections: 1 };
    const handle = downloader.download(spec);
    await until(() => handle.snapshot.downloaded > 0.5 * MB);
    downloader.maxDownloadSpeed = 400_000;
    assertRate(await rateInASecond(handle), 1, 400_000, AFTER_CHANGE);
    downloader.maxDownloadSpeed = 800_000;
    assertRate(await rateInASecond(handle), 1, 800_000, AFTER_CHANGE);
    downloader.maxDownloadSpeed = 0;
    const seconds = await time(() => handle.wait());
    assert.ok(seconds < 3.5, `the rest took ${seconds} s`);
    await assertFileIs(spec.outputPath, SEED, 8 * MB);
  },

  "a limit that is removed holds nothing back": async () => {
    const size = 10 * MB;
    await using scene = await Scene.open({ size, seed: SEED });
    const handle = scene.download({ maxDownloadSpeed: 50_000, maxConnections: 4 });
    await until(() => handle.snapshot.connections === 4 && handle.snapshot.downloaded > 0);
    handle.maxDownloadSpeed = 0;
    const seconds = await time(() => scene.completed(handle));
    assert.ok(seconds < 2, `the rest took ${seconds} s`);
  },
};

let running: ReadonlyMap<string, Promise<void>> | undefined;

/** Each takes seconds of waiting and hardly any work, so all run at once. */
function runTogether(): ReadonlyMap<string, Promise<void>> {
  const started = new Map(Object.entries(CASES).map(([name, run]) => [name, run()]));
  for (const run of started.values()) run.catch(() => {}); // its own test tells
  return started;
}

for (const name of Object.keys(CASES)) {
  test(`rate: ${name}`, { timeout: 30_000 }, () => (running ??= runTogether()).get(name));
}
