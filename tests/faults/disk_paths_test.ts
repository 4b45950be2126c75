import assert from "node:assert/strict";
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { basename, dirname } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import type { FileInfo } from "../../src/runtime/runtime.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { fileWith, queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { NO_SMALL_DISK, SmallDisk } from "../helpers/disk/small_disk.ts";
import { removeTree, temporaryDirectory } from "../helpers/temp.ts";
import { download, downloadOn, failure, onFile, SMALL_BLOCKS } from "./disk.ts";

const SEED = 46;
const SIZE = 3_000_000;
const IS_WINDOWS = process.platform === "win32";

/** What somebody else does to a part file of at least this many bytes. */
const CUT = 200_000;
/** What is known to be right of a file that was cut there: a piece is proven whole. */
const PROVEN = CUT - CUT % SMALL_FILE.pieceSize;
const DELETING = (part: string) => rm(part);
const REPLACING = async (part: string) => {
  const { size } = await stat(part);
  await rename(part, `${part}.old`); // Windows lets nobody take the name of an open file
  await writeFile(part, new Uint8Array(size));
  await rm(`${part}.old`);
};

const withoutNumber = (info: FileInfo): FileInfo => ({ ...info, identity: undefined });

/** Files on a drive that numbers none, as some do on Windows. */
const WITHOUT_NUMBERS = runtimeWith({
  files: {
    lstat: async (path) => {
      const info = await runtimeWith({}).files.lstat(path);
      return info && withoutNumber(info);
    },
  },
  file: (file) => fileWith(file, { stat: async () => withoutNumber(await file.stat()) }),
});

const BETWEEN_RUNS = [
  { what: "deleted", meddle: DELETING, kept: 0 },
  { what: "replaced", meddle: REPLACING, kept: 0 },
  { what: "truncated", meddle: (part: string) => truncate(part, CUT), kept: PROVEN },
  { what: "truncated to nothing", meddle: (part: string) => truncate(part, 0), kept: 0 },
];

for (const { what, meddle, kept } of BETWEEN_RUNS) {
  test(`46: a part file ${what} between two runs is noticed, and only what is proven is kept`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { seed: SEED });
    const { size } = left.server.version;
    await meddle(left.partPath);
    const lines: string[] = [];
    const result = await left.resume({}, { logger: (level, text) => lines.push(`${level}: ${text}`) });
    assert.equal(result.resumedBytes, kept);
    assert.equal(result.fetchedBytes, size - kept);
    assert.ok(
      lines.some((line) => line.startsWith("warn: ") && line.includes(left.partPath)),
      lines.join("\n"),
    );
    await assertFileIs(left.path, SEED, size);
    assert.deepEqual(await dir.list(), ["out.bin"]);
  });
}

test("46: where files have no numbers, a part file replaced between two runs is noticed by its content", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS };
  const part = `${spec.outputPath}.part`;
  const queue = queueOn(WITHOUT_NUMBERS);
  const handle = await holdAfter(1_000_000, (held) => queue.add(held), spec);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
  await queue.close();
  const { atime, mtime } = await stat(part);
  await REPLACING(part);
  await utimes(part, atime, mtime);
  assert.equal((await downloadOn(WITHOUT_NUMBERS, spec)).resumedBytes, 0);
  await assertFileIs(spec.outputPath, SEED, SIZE);
});

for (const [what, meddle] of Object.entries({ deleted: DELETING, replaced: REPLACING })) {
  test(`46: a part file ${what} while it is written never gets the final name`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, seed: SEED });
    const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS };
    const part = `${spec.outputPath}.part`;
    await assert.rejects(
      download(spec, () => meddle(part)),
      failure("storage", /changed by another program/, part),
    );
    assert.equal((await dir.list()).includes("out.bin"), false);
    await download(spec);
    await assertFileIs(spec.outputPath, SEED, SIZE);
  });
}

test("46: a part file truncated once all is written never gets the final name", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  const part = `${spec.outputPath}.part`;
  const runtime = runtimeWith(onFile(".part", (file) => ({
    sync: async () => {
      await file.sync();
      await truncate(part, CUT);
    },
  })));
  await assert.rejects(downloadOn(runtime, spec), failure("storage", /changed by another program/, part));
  assert.equal((await dir.list()).includes("out.bin"), false);
  assert.equal((await download(spec)).resumedBytes, PROVEN);
  await assertFileIs(spec.outputPath, SEED, SIZE);
});

test("47: the part file lies beside the destination, so that finishing only renames it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const spec = { url: server.url, outputPath: dir.join("elsewhere", "out.bin"), ...SMALL_FILE };
  let part: string | undefined;
  const identity = async (path: string) => {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  };
  await download(spec, async () => part = await identity(`${spec.outputPath}.part`));
  assert.equal(await identity(spec.outputPath), part);
});

test("47: a destination on another file system gets its file", { skip: NO_SMALL_DISK }, async () => {
  await using dir = await temporaryDirectory();
  await using disk = new SmallDisk(8);
  await symlink(disk.path, dir.join("link"));
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  assert.notEqual((await stat(disk.path)).dev, (await stat(dir.path)).dev);
  const { path } = await download({ url: server.url, outputDir: dir.join("link") });
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await readdir(disk.path), ["file.bin"]);
});

test("48: a destination that is a directory is refused before the network", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  await mkdir(dir.join("out.bin"));
  for (const outputPath of [dir.join("out.bin"), `${dir.path}/`]) {
    await assert.rejects(download({ url: server.url, outputPath }), {
      name: "TypeError",
      message: /it is a directory/,
    });
  }
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

const APPEARING: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a file": (path) => writeFile(path, "precious"),
  "a directory": (path) => mkdir(path),
};
const NO_LINKS = { files: { link: () => Promise.reject(systemError("EPERM")) } };

for (const [what, appear] of Object.entries(APPEARING)) {
  for (const hasLinks of [true, false]) {
    const where = hasLinks ? "" : ", where there are no hard links";
    test(`48: ${what} that appears under the final name while running is not replaced${where}`, async () => {
      await using dir = await temporaryDirectory();
      await using left = await Interrupted.leave(dir, { seed: SEED });
      await assert.rejects(
        downloadOn(runtimeWith(hasLinks ? {} : NO_LINKS), left.spec, () => appear(left.path)),
        failure("output_exists", /it exists already/, left.path),
      );
      if (what === "a file") assert.equal(await readFile(left.path, "utf8"), "precious");
      assert.deepEqual(await dir.list(), ["out.bin", "out.bin.bytehaul", "out.bin.part"]);
      // All of it was fetched: once the name is free, nothing has to come again.
      await removeTree(left.path);
      assert.equal((await left.resume()).fetchedBytes, 0);
      await assertFileIs(left.path, SEED, left.server.version.size);
    });
  }
}

test("48: where there are no hard links a file still gets its name", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const { path } = await downloadOn(runtimeWith(NO_LINKS), { url: server.url, outputDir: dir.path });
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await dir.list(), ["file.bin"]);
});

test("49: a server's name that is too long is shortened and keeps its extension", async () => {
  await using dir = await temporaryDirectory();
  const name = `${"ü".repeat(300)}.tar.gz`;
  const field = `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: () => ({ headers: { "Content-Disposition": field } }),
  });
  await using downloader = new Downloader();
  const spec = { url: server.url, outputDir: dir.path };
  const handle = await holdAfter(1, (held) => downloader.download(held), spec);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
  await handle.closed;
  const names = await dir.list();
  assert.equal(names.length, 2);
  for (const it of names) assert.match(it, /^ü+\.tar\.gz\.(part|bytehaul)$/);
  const { path } = await downloader.download(spec).wait();
  assert.ok(new TextEncoder().encode(basename(path)).length > 200, path);
  assert.equal(dirname(path), dir.path);
  await assertFileIs(path, SEED, SIZE);
});

test("49: a given path that is too long is refused before the network", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  for (const length of [256, 300]) {
    await assert.rejects(
      download({ url: server.url, outputPath: dir.join("a".repeat(length)) }),
      failure("storage", IS_WINDOWS ? /Cannot/ : /the name is too long/, dir.path),
    );
  }
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});
