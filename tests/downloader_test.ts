import assert from "node:assert/strict";
import { test } from "node:test";
import { download, Downloader } from "../mod.ts";
import { assertFileIs } from "../testing/content.ts";
import { FaultServer } from "../testing/mod.ts";
import { temporaryDirectory } from "./helpers/temp.ts";

const SIZE = 300_000;

test("a downloader may be closed twice, also at the same time", async () => {
  await using downloader = new Downloader();
  await Promise.all([downloader.close(), downloader.close()]);
});

test("a downloader that was closed begins nothing", async () => {
  const downloader = new Downloader();
  await downloader.close();
  assert.throws(
    () => downloader.download("http://127.0.0.1/"),
    /^TypeError: Cannot start a download: .* closed$/,
  );
});

test("closing cancels what runs and keeps what has arrived", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, respond: () => ({ throttle: 200_000 }) });
  const downloader = new Downloader();
  const handle = downloader.download({ url: server.url, outputDir: dir.path });
  await server.until(() => server.bytesServed > 50_000);
  await downloader.close();
  assert.equal(handle.snapshot.state, "cancelled");
  await assert.rejects(handle.wait(), { code: "cancelled" });
  assert.ok((await dir.list()).every((name) => name !== "file.bin"));
});

test("download() takes a bare URL, as a text or as a URL", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  for (const [index, url] of [server.url, new URL(server.url)].entries()) {
    await using downloader = new Downloader({ defaults: { outputDir: dir.join(String(index)) } });
    const { path } = await downloader.download(url).wait();
    await assertFileIs(path, server.version.seed, SIZE);
  }
  await assert.rejects(
    download({ url: server.url, outputPath: dir.path }).wait(),
    /^TypeError: Cannot use outputPath .* it is a directory/,
  );
});
