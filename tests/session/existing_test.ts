import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadResult, type DownloadSpec } from "../../mod.ts";
import { numbered } from "../../src/session/take_output.ts";
import { assertFileIs, contentBytes, contentHash } from "../../testing/content.ts";
import { FaultServer, type FaultServerOptions } from "../../testing/mod.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const SEED = 122;
const SIZE = 200_000;
const SUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const OTHER_SUM = `sha256:${"0".repeat(64)}`;

class Place implements AsyncDisposable {
  readonly dir: TemporaryDirectory;
  readonly server: FaultServer;

  private constructor(dir: TemporaryDirectory, server: FaultServer) {
    this.dir = dir;
    this.server = server;
  }

  static async open(options: Partial<FaultServerOptions> = {}): Promise<Place> {
    const server = await FaultServer.start({ size: SIZE, seed: SEED, ...options });
    return new Place(await temporaryDirectory(), server);
  }

  /** Puts the right file there, or another one of the same size. */
  async put(name: string, seed = SEED): Promise<void> {
    await writeFile(this.dir.join(name), contentBytes(seed, 0, SIZE));
  }

  async run(spec: Partial<DownloadSpec>): Promise<DownloadResult> {
    await using downloader = new Downloader();
    return await downloader.download({ url: this.server.url, outputDir: this.dir.path, ...spec }).wait();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await this.dir[Symbol.asyncDispose]();
  }
}

const NAMINGS: readonly [string, Partial<DownloadSpec>][] = [
  ["a given name", { outputPath: "file.bin" }],
  ["the URL's name", {}],
];

for (const [what, named] of NAMINGS) {
  for (const more of [{}, { overwrite: true }, { resume: false }, { rename: true }]) {
    const shown = JSON.stringify(more);
    test(`122 a right file of ${what} is taken without a request, with ${shown}`, async () => {
      await using place = await Place.open();
      await place.put("file.bin");
      const result = await place.run({ ...named, ...more, checksum: SUM });
      const { path, size, fetchedBytes, resumedBytes, checksum, checksumSource } = result;
      assert.deepEqual({ path, size, fetchedBytes, resumedBytes, checksum, checksumSource }, {
        path: place.dir.join("file.bin"),
        size: SIZE,
        fetchedBytes: 0,
        resumedBytes: SIZE,
        checksum: SUM,
        checksumSource: "checksum",
      });
      assert.equal(place.server.requests.length, 0);
      assert.deepEqual(await place.dir.list(), ["file.bin"]);
    });
  }

  test(`122 a wrong file of ${what} is an error that says so, or replaced, or left aside`, async () => {
    await using place = await Place.open();
    await place.put("file.bin", 9);
    await assert.rejects(place.run({ ...named, checksum: SUM }), (error) => {
      assert.ok(error instanceof DownloadError);
      assert.equal(error.code, "output_exists");
      assert.match(
        error.message,
        /it exists already, and its checksum is sha256:\w{64}, expected sha256:\w{64};/,
      );
      return true;
    });
    await assertFileIs(place.dir.join("file.bin"), 9, SIZE);
    assert.equal((await place.run({ ...named, checksum: SUM, rename: true })).fetchedBytes, SIZE);
    await assertFileIs(place.dir.join("file.bin"), 9, SIZE);
    await assertFileIs(place.dir.join("file.1.bin"), SEED, SIZE);
    assert.equal((await place.run({ ...named, checksum: SUM, overwrite: true })).fetchedBytes, SIZE);
    await assertFileIs(place.dir.join("file.bin"), SEED, SIZE);
  });
}

test("122 a list of checksums counts as a checksum, also by the server's name", async () => {
  const reply = { headers: { "Content-Disposition": 'attachment; filename="real.bin"' } };
  await using place = await Place.open({ respond: () => reply });
  await place.put("real.bin");
  await place.put("file.bin", 9);
  await writeFile(place.dir.join("SUMS"), `${SUM.slice(7)}  real.bin\n`);
  const checksumFile = place.dir.join("SUMS");
  const { path, fetchedBytes, checksumSource } = await place.run({ checksumFile });
  assert.deepEqual([path, fetchedBytes, checksumSource], [place.dir.join("real.bin"), 0, "checksumFile"]);
  await place.put("real.bin", 9);
  await assert.rejects(place.run({ checksumFile }), {
    code: "output_exists",
    message: /its checksum is sha256:/,
  });
});

test("122 a file of another name than the server's is not asked to match", async () => {
  const reply = { headers: { "Content-Disposition": 'attachment; filename="real.bin"' } };
  await using place = await Place.open({ respond: () => reply });
  await place.put("file.bin", 9);
  assert.equal((await place.run({ checksum: SUM })).path, place.dir.join("real.bin"));
  await assertFileIs(place.dir.join("file.bin"), 9, SIZE);
});

test("122 without a checksum of the caller a file that is there stays an error", async () => {
  await using place = await Place.open();
  await place.put("file.bin");
  await assert.rejects(place.run({ outputPath: "file.bin" }), { message: /it exists already; choose/ });
  await assert.rejects(place.run({}), { message: /it exists already; choose/ });
});

test("122 what is no file is refused as before, and a link to the right file is right", {
  skip: process.platform === "win32" && "links need a right of their own there",
}, async () => {
  await using place = await Place.open();
  await mkdir(place.dir.join("file.bin"));
  await assert.rejects(place.run({ checksum: SUM }), { code: "output_exists" });
  await place.put("elsewhere");
  await symlink("elsewhere", place.dir.join("link"));
  assert.equal((await place.run({ outputPath: "link", checksum: SUM })).fetchedBytes, 0);
  assert.deepEqual(await place.dir.list(), ["elsewhere", "file.bin", "link"]);
});

test("122 an unfinished download of the same file goes when the file is right, that of another stays", async () => {
  for (const isOurs of [true, false]) {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir);
    const { size, seed } = left.server.version;
    await writeFile(left.path, contentBytes(seed, 0, size));
    const url = isOurs ? left.spec.url : new URL("other", left.spec.url);
    const checksum = `sha256:${contentHash(seed, size, "sha256")}`;
    const asked = left.server.requests.length;
    assert.equal((await left.resume({ url, checksum })).fetchedBytes, 0);
    assert.equal(left.server.requests.length, asked);
    assert.deepEqual(
      await dir.list(),
      isOurs ? ["out.bin"] : ["out.bin", "out.bin.bytehaul", "out.bin.part"],
    );
  }
});

test("122 a comparison stops when it is told to", async () => {
  await using place = await Place.open();
  await place.put("file.bin");
  await using downloader = new Downloader();
  const spec = { url: place.server.url, outputDir: place.dir.path, checksum: SUM };
  const handle = downloader.download(spec);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
});

const NUMBERED: readonly [string, string][] = [
  ["name.bin", "name.3.bin"],
  ["dir.d/name", "dir.d/name.3"],
  ["a.tar.gz", "a.3.tar.gz"],
  ["disk-1.2.iso", "disk-1.2.3.iso"],
  [".bashrc", ".bashrc.3"],
  ["dir/.tar.gz", "dir/.tar.3.gz"],
  ["a.b c", "a.b c.3"],
  ["a.", "a..3"],
];

test("126 a number stands before the extension", () => {
  assert.deepEqual(NUMBERED.map(([name]) => [name, numbered(name, 3)]), NUMBERED);
});

/** Downloads of `paths`, one after the other, and what became of each: its name, or why there is none. */
async function inTurn(
  place: Place,
  paths: readonly string[],
  spec: Partial<DownloadSpec>,
): Promise<string[]> {
  await using downloader = new Downloader({ uniqueOutputs: true, maxConcurrentDownloads: 1 });
  const outcomes = paths.map((path) =>
    downloader.download({ url: new URL(path, place.server.url), outputDir: place.dir.path, ...spec }).wait()
      .then(
        ({ path }) => path.slice(place.dir.path.length + 1),
        (error) => error.message.replace(place.dir.path, "").replace(place.server.url, ""),
      )
  );
  return await Promise.all(outcomes);
}

for (const overwrite of [false, true]) {
  test(`126 the second of one output is refused and names the first${overwrite ? ", also to overwrite" : ""}`, async () => {
    await using place = await Place.open();
    const [first, second, third] = await inTurn(place, ["/a?id=1", "/b", "/a?id=2"], {
      ...{ outputPath: "same", overwrite },
    });
    assert.equal(first, "same");
    assert.match(
      second!,
      /^Cannot write ".*same": it is the output of http:\/\/127.0.0.1:\d+\/a, too; choose/,
    );
    assert.equal(third, second);
    assert.deepEqual(place.server.requests.map(({ path }) => path), ["/a?id=1"]);
    await assertFileIs(place.dir.join("same"), SEED, SIZE);
  });

  test(`126 one URL twice is asked once${overwrite ? ", also to overwrite" : ""}`, async () => {
    await using place = await Place.open();
    const [first, second] = await inTurn(place, ["/a", "/a"], { overwrite });
    assert.equal(first, "a");
    assert.match(second!, /it is the output of http:\/\/127.0.0.1:\d+\/a, too/);
    assert.equal(place.server.requests.length, 1);
  });
}

test("126 a name that only the server tells is refused once it is known", async () => {
  const reply = { headers: { "Content-Disposition": 'attachment; filename="same"' } };
  await using place = await Place.open({ respond: () => reply });
  const [first, second] = await inTurn(place, ["/get?id=1", "/get?id=2"], { overwrite: true });
  assert.equal(first, "same");
  assert.match(second!, /Cannot write ".*same": it is the output of .*\/get, too/);
  await assertFileIs(place.dir.join("same"), SEED, SIZE);
});

test("126 URLs of one name whose files have several names are fetched", async () => {
  await using place = await Place.open({
    respond: ({ path }) => ({ headers: { "Content-Disposition": `attachment; filename="n${path.at(-1)}"` } }),
  });
  assert.deepEqual(await inTurn(place, ["/get?id=1", "/get?id=2"], {}), ["n1", "n2"]);
});

test("126 a download that failed has no name", async () => {
  await using place = await Place.open({
    respond: ({ path }) => path === "/gone" ? { status: 404 } : undefined,
  });
  const [, second] = await inTurn(place, ["/gone", "/there"], { outputPath: "same" });
  assert.equal(second, "same");
});

test("126 several names of one kind are numbered where that is asked for", async () => {
  await using place = await Place.open();
  await place.put("file.bin", 9);
  const names = await inTurn(place, ["/1/file.bin", "/2/file.bin", "/2/file.bin"], { rename: true });
  assert.deepEqual(names, ["file.1.bin", "file.2.bin", "file.3.bin"]);
  await assertFileIs(place.dir.join("file.bin"), 9, SIZE);
  for (const name of names) await assertFileIs(place.dir.join(name), SEED, SIZE);
  const again = await inTurn(place, ["/1/file.bin", "/2/file.bin"], { rename: true, overwrite: true });
  assert.deepEqual(again, ["file.bin", "file.1.bin"]);
  await assertFileIs(place.dir.join("file.bin"), SEED, SIZE);
});

test("126 at once, each gets a number of its own, also without uniqueOutputs", async () => {
  for (const uniqueOutputs of [true, false]) {
    await using place = await Place.open({ respond: () => ({ throttle: 2_000_000 }) });
    await using downloader = new Downloader({ uniqueOutputs, maxConcurrentDownloads: 4 });
    const handles = [1, 2, 3, 4].map((number) =>
      downloader.download({
        ...{ url: new URL(`/${number}/f`, place.server.url), outputDir: place.dir.path, rename: true },
      })
    );
    await Promise.all(handles.map((handle) => handle.wait()));
    assert.deepEqual(await place.dir.list(), ["f", "f.1", "f.2", "f.3"]);
    for (const name of await place.dir.list()) await assertFileIs(place.dir.join(name), SEED, SIZE);
  }
});

test("126 an unfinished download goes on with its number, and nobody's part file is touched", async () => {
  await using place = await Place.open({ size: 3_000_000 });
  await place.put("f.bin", 9);
  await writeFile(place.dir.join("f.1.bin.part"), "somebody's");
  const spec = { ...SMALL_FILE, outputDir: place.dir.path, rename: true };
  await using downloader = new Downloader({ uniqueOutputs: true });
  const url = new URL("/1/f.bin", place.server.url);
  const first = await holdAfter(500_000, (held) => downloader.download(held), { ...spec, url });
  first.pause();
  await first.closed;
  assert.equal(first.snapshot.path, place.dir.join("f.2.bin"));
  const other = new URL("/2/f.bin", place.server.url);
  const results = await inTurn(place, [other.href, url.href], { ...spec });
  assert.deepEqual(results, ["f.3.bin", "f.2.bin"]);
  for (const name of ["f.2.bin", "f.3.bin"]) await assertFileIs(place.dir.join(name), SEED, 3_000_000);
  assert.deepEqual(await place.dir.list(), ["f.1.bin.part", "f.2.bin", "f.3.bin", "f.bin"]);
});

test("126 with a checksum a right file is taken under the number that it has", async () => {
  await using place = await Place.open();
  await place.put("file.bin", 9);
  await place.put("file.1.bin");
  const { path, fetchedBytes } = await place.run({ rename: true, checksum: SUM });
  assert.deepEqual([path, fetchedBytes], [place.dir.join("file.1.bin"), 0]);
  await assert.rejects(place.run({ rename: true, checksum: OTHER_SUM }), { code: "checksum_mismatch" });
});

test("126 many of one name: each looks only at what no other of them has", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 100 });
  const { files } = runtimeWith({});
  const looks: number[] = [];
  let count = 0;
  const lstat = (path: string) => {
    count++;
    return files.lstat(path);
  };
  const queue = queueOn(runtimeWith({ files: { lstat } }), { uniqueOutputs: true });
  try {
    for (let number = 0; number < 20; number++) {
      count = 0;
      await queue.add({ url: `${server.url}?${number}`, outputPath: dir.join("f"), rename: true }).wait();
      looks.push(count);
    }
  } finally {
    await queue.close();
  }
  assert.ok(looks.at(-1)! <= looks[1]! + 1, looks.join());
  assert.equal((await dir.list()).length, 20);
});
