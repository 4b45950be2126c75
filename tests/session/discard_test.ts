import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { assertFileIs } from "../../testing/content.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted, type InterruptedOptions } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const CASES: readonly [string, InterruptedOptions, Partial<DownloadSpec>][] = [
  ["that begins anew because it was asked to", {}, { resume: false }],
  ["that begins anew because nothing tells versions apart", { etag: null, lastModified: null }, {}],
  ["that would go on", {}, {}],
];

for (const [what, left, spec] of CASES) {
  test(`a download ${what}, discarded before the server answers, leaves nothing`, async () => {
    await using dir = await temporaryDirectory();
    await using interrupted = await Interrupted.leave(dir, left);
    interrupted.respond = () => ({ never: true });
    await using downloader = new Downloader();
    const requests = interrupted.server.requests.length;
    const handle = downloader.download({ ...interrupted.spec, ...spec });
    await until(() => interrupted.server.requests.length > requests);
    handle.cancel({ discard: true });
    await assert.rejects(handle.wait(), { code: "cancelled" });
    await handle.closed;
    assert.deepEqual(await dir.list(), []);
    interrupted.respond = () => undefined;
    assert.equal((await interrupted.resume()).resumedBytes, 0);
  });
}

const LEFT = ["out.bin.bytehaul", "out.bin.part"];

/** What to do with a download that waits for its turn, and how that ends. */
const STOPS: readonly [string, (handle: DownloadHandle, controller: AbortController) => void, string][] = [
  ["discarded", () => {}, "cancelled"],
  ["paused and then discarded", (handle) => handle.pause(), "paused"],
  ["cancelled and then discarded", (handle) => handle.cancel(), "cancelled"],
  ["aborted and then discarded", (_, controller) => controller.abort(), "cancelled"],
];

for (const [what, stop, state] of STOPS) {
  for (const name of ["a given output", "the name in its URL"]) {
    test(`123 a download of ${name} that waits for its turn is ${what}: nothing is left`, async () => {
      await using dir = await temporaryDirectory();
      await using interrupted = await Interrupted.leave(dir);
      const { outputPath, ...spec } = interrupted.spec;
      const url = new URL("out.bin", interrupted.server.url).href;
      if (name !== "a given output") await rename(interrupted, url);
      await using downloader = new Downloader({ maxConcurrentDownloads: 1 });
      const running = await holdAfter(1, (held) => downloader.download(held), {
        ...{ ...spec, url, outputPath: dir.join("other") },
      });
      const controller = new AbortController();
      const where = name === "a given output" ? { outputPath } : { outputDir: dir.path, url };
      const handle = downloader.download({ ...spec, ...where, signal: controller.signal });
      assert.equal(handle.snapshot.state, "pending");
      stop(handle, controller);
      handle.cancel({ discard: true });
      await assert.rejects(handle.wait());
      await handle.closed;
      assert.equal(handle.snapshot.state, state);
      running.cancel({ discard: true });
      await running.closed;
      assert.deepEqual(await dir.list(), []);
    });
  }
}

/** Lets what is there be that of another URL. */
async function rename(interrupted: Interrupted, url: string): Promise<void> {
  await using downloader = new Downloader();
  const handle = downloader.download({ ...interrupted.spec, url, resume: false, overwrite: true });
  await interrupted.server.until(() => handle.snapshot.downloaded > 0);
  handle.pause();
  await handle.closed;
}

const ENDS: readonly [string, (handle: DownloadHandle, controller: AbortController) => void][] = [
  ["paused", (handle) => handle.pause()],
  ["cancelled", (handle) => handle.cancel()],
  ["aborted", (_, controller) => controller.abort(new Error("by the caller"))],
];

for (const [what, end] of ENDS) {
  for (const isClosed of [true, false]) {
    const when = isClosed ? "once its files are closed" : "immediately";
    test(`123 a download that was ${what} is discarded ${when}: nothing is left`, async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: 3_000_000 });
      await using downloader = new Downloader();
      const controller = new AbortController();
      const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
      const handle = await holdAfter(300_000, (held) => downloader.download(held), {
        ...{ ...spec, signal: controller.signal },
      });
      end(handle, controller);
      if (isClosed) {
        await handle.closed;
        assert.deepEqual(await dir.list(), LEFT);
      }
      const { state } = handle.snapshot;
      handle.cancel({ discard: true });
      handle.cancel({ discard: true });
      await handle.closed;
      assert.deepEqual(await dir.list(), []);
      if (isClosed) assert.equal(handle.snapshot.state, state);
      assert.equal((await downloader.download(spec).wait()).resumedBytes, 0);
    });
  }
}

test("123 the next download of an output waits until what was there is removed", async () => {
  await using dir = await temporaryDirectory();
  await using interrupted = await Interrupted.leave(dir);
  await using downloader = new Downloader();
  const first = downloader.download({ ...interrupted.spec, signal: AbortSignal.abort() });
  first.cancel({ discard: true });
  const { resumedBytes } = await downloader.download(interrupted.spec).wait();
  assert.equal(resumedBytes, 0);
});

test("123 close() waits until what was there is removed", async () => {
  await using dir = await temporaryDirectory();
  await using interrupted = await Interrupted.leave(dir);
  const downloader = new Downloader({ maxConcurrentDownloads: 1 });
  const handle = downloader.download({ ...interrupted.spec, signal: AbortSignal.abort() });
  await assert.rejects(handle.wait());
  handle.cancel({ discard: true });
  await downloader.close();
  assert.deepEqual(await dir.list(), []);
});

test("123 a download that failed is discarded: nothing is left", async () => {
  await using dir = await temporaryDirectory();
  await using interrupted = await Interrupted.leave(dir);
  interrupted.respond = () => ({ status: 410 });
  await using downloader = new Downloader();
  const handle = downloader.download(interrupted.spec);
  await assert.rejects(handle.wait(), { code: "http_status" });
  await handle.closed;
  assert.deepEqual(await dir.list(), LEFT);
  handle.cancel({ discard: true });
  await handle.closed;
  assert.equal(handle.snapshot.state, "failed");
  assert.deepEqual(await dir.list(), []);
});

/** Of these nothing is removed. */
const OTHERS: readonly [string, (url: URL) => void][] = [
  ["another path", (url) => url.pathname = "/other"],
  ["another query, which may be another file", (url) => url.search = "?id=2"],
  ["another host", (url) => url.hostname = "localhost"],
];

for (const [what, change] of OTHERS) {
  test(`123 what a URL with ${what} left stays, whenever a download is discarded`, async () => {
    await using dir = await temporaryDirectory();
    await using interrupted = await Interrupted.leave(dir);
    const url = new URL(interrupted.spec.url);
    change(url);
    await using downloader = new Downloader();
    const waiting = downloader.download({ ...interrupted.spec, url, signal: AbortSignal.abort() });
    waiting.cancel({ discard: true });
    await waiting.closed;
    interrupted.respond = () => ({ status: 404 });
    const failed = downloader.download({ ...interrupted.spec, url });
    await assert.rejects(failed.wait());
    failed.cancel({ discard: true });
    await failed.closed;
    assert.deepEqual(await dir.list(), LEFT);
  });
}

test("123 what nobody knows, what another download writes, and what is finished stay", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 3_000_000, seed: 3 });
  await using downloader = new Downloader();
  const discard = async (outputPath: string) => {
    const handle = downloader.download({ url: server.url, outputPath, signal: AbortSignal.abort() });
    handle.cancel({ discard: true });
    await handle.closed;
  };
  for (const name of ["a", "a.part", "b.bytehaul"]) await writeFile(dir.join(name), "somebody's");
  for (const name of ["a", "b", "missing/c"]) await discard(dir.join(name));
  assert.deepEqual(await dir.list(), ["a", "a.part", "b.bytehaul"]);
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  const running = await holdAfter(300_000, (held) => downloader.download(held), spec);
  await discard(spec.outputPath);
  running.maxDownloadSpeed = 0;
  await running.wait();
  running.cancel({ discard: true });
  await running.closed;
  assert.equal(running.snapshot.state, "completed");
  await assertFileIs(spec.outputPath, 3, 3_000_000);
});
