import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { Downloader, type DownloadSpec } from "../../mod.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import type { FileSystem } from "../../src/runtime/runtime.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import type { Starter } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const FILE = { size: 300_000, seed: 50 };
const OWN = "the user's own words";
const COMPOSED = "caf\u00e9.bin";
const DECOMPOSED = "cafe\u0301.bin";

/** The real disk, on which names that differ in case or Unicode form only are one, as on macOS and Windows. */
function foldingFiles(): FileSystem {
  const { files } = detectRuntime();
  const fold = (path: string): string => join(dirname(path), basename(path).normalize("NFC").toLowerCase());
  return {
    create: (path) => files.create(fold(path)),
    open: (path, mode) => files.open(fold(path), mode),
    lstat: (path) => files.lstat(fold(path)),
    stat: (path) => files.stat(fold(path)),
    mayRead: (path) => files.mayRead(path),
    makeDirectory: (path) => files.makeDirectory(path),
    link: (from, to) => files.link(fold(from), fold(to)),
    rename: (from, to) => files.rename(fold(from), fold(to)),
    remove: (path) => files.remove(fold(path)),
    syncDirectory: (path) => files.syncDirectory(path),
    freeSpace: (path) => files.freeSpace(path),
    lock: (path) => files.lock(fold(path)),
  };
}

/** Downloads to such a disk. */
function foldingDownloader(): Starter & AsyncDisposable {
  const queue = queueOn(runtimeWith({ files: foldingFiles() }));
  const close = (): Promise<void> => queue.close();
  return { download: (spec) => queue.add(spec), close, [Symbol.asyncDispose]: close };
}

for (const [there, name] of [["file.bin", "FILE.bin"], [COMPOSED, DECOMPOSED]] as const) {
  const shown = JSON.stringify(name);

  test(`50: where names are folded, a file that ${shown} would replace stays as it is`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start(FILE);
    await using downloader = foldingDownloader();
    await writeFile(dir.join(there), OWN);
    await assert.rejects(downloader.download({ url: server.url, outputPath: dir.join(name) }).wait(), {
      code: "output_exists",
    });
    assert.deepEqual([await dir.list(), await readFile(dir.join(there), "utf8")], [[there], OWN]);
  });

  test(`50: where names are folded, a file that appears while ${shown} is fetched stays as it is`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      ...FILE,
      respond: () => ({ throttle: 1_000_000 }),
    });
    await using downloader = foldingDownloader();
    const refused = assert.rejects(
      downloader.download({ url: server.url, outputPath: dir.join(name) }).wait(),
      {
        code: "output_exists",
      },
    );
    await server.until(() => server.bytesServed > 0);
    await writeFile(dir.join(there), OWN);
    await refused;
    assert.equal(await readFile(dir.join(there), "utf8"), OWN);
  });

  test(`50: where names are folded, ${shown} is refused while its other spelling is fetched`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      ...FILE,
      respond: () => ({ throttle: 1_000_000 }),
    });
    await using downloader = foldingDownloader();
    const first = downloader.download({ url: server.url, outputPath: dir.join(there) }).wait();
    await server.until(() => server.bytesServed > 0);
    await assert.rejects(downloader.download({ url: server.url, outputPath: dir.join(name) }).wait(), {
      code: "output_locked",
    });
    await first;
    await assertFileIs(dir.join(there), FILE.seed, FILE.size);
    assert.deepEqual(await dir.list(), [there]);
  });
}

test("50: both Unicode forms of a server's name are one file, on every disk", async () => {
  await using dir = await temporaryDirectory();
  let suggested = DECOMPOSED;
  await using server = await FaultServer.start({
    ...FILE,
    respond: () => ({
      headers: { "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(suggested)}` },
    }),
  });
  await using downloader = new Downloader();
  const spec: DownloadSpec = { url: server.url, outputDir: dir.path };
  const { path } = await downloader.download(spec).wait();
  assert.equal(path, dir.join(COMPOSED));
  for (suggested of [COMPOSED, DECOMPOSED]) {
    await assert.rejects(downloader.download(spec).wait(), { code: "output_exists" });
  }
  await assertFileIs(path, FILE.seed, FILE.size);
  assert.deepEqual(await dir.list(), [COMPOSED]);
});
