import assert from "node:assert/strict";
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { basename, dirname } from "node:path";
import process from "node:process";
import { test } from "node:test";
import {
  Downloader,
  DownloadError,
  type DownloadErrorCode,
  type DownloadResult,
  type DownloadSpec,
} from "../../mod.ts";
import type { Runtime, RuntimeFile } from "../../src/runtime/runtime.ts";
import { assertFileIs } from "../helpers/content.ts";
import { assertClaimsHold, claimedBytes, untilClaimed } from "../helpers/control_file.ts";
import { FaultServer } from "../helpers/fault_server.ts";
import { holdAfter } from "../helpers/held.ts";
import { Interrupted, SMALL_FILE } from "../helpers/interrupted.ts";
import {
  fileWith,
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/runtime_double.ts";
import { NO_SMALL_DISK, SmallDisk } from "../helpers/small_disk.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 41;
const SIZE = 3_000_000;
/** Every response ends in silence, so that nothing is over before the time has come. */
const STALLING = { silentAfter: 100_000 };
const IS_WINDOWS = process.platform === "win32";
/** Blocks so small that data reaches the file while it is fetched. */
const SMALL_BLOCKS = { ...SMALL_FILE, memoryBudget: 640 * 1024 };

/**
 * Downloads on a runtime of the test's own, to the end. `meanwhile` happens when a part of the file is there,
 * and no more of it comes before that is over.
 */
async function downloadOn(
  runtime: Runtime,
  spec: DownloadSpec,
  meanwhile?: () => unknown,
): Promise<DownloadResult> {
  const queue = queueOn(runtime);
  try {
    if (meanwhile === undefined) return await queue.add(spec).wait();
    const handle = await holdAfter(1_000_000, (held) => queue.add(held), spec);
    await meanwhile();
    handle.maxDownloadSpeed = 0;
    return await handle.wait();
  } finally {
    await queue.close();
  }
}

function download(spec: DownloadSpec, meanwhile?: () => unknown): Promise<DownloadResult> {
  return downloadOn(runtimeWith({}), spec, meanwhile);
}

/** Matches a failure of this kind that names `path`. */
function failure(code: DownloadErrorCode, text: RegExp, path = ""): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof DownloadError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(error.message.includes(path), error.message);
    return true;
  };
}

test("41: a full disk stops the download, which goes on once there is space", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS };
  let isFull = false;
  const runtime = runtimeWith(onFile(".part", (file) => ({
    write: (data, position) => isFull ? Promise.reject(systemError("ENOSPC")) : file.write(data, position),
  })));
  await assert.rejects(
    downloadOn(runtime, spec, () => isFull = true),
    failure("disk_full", /no space left; free some/, spec.outputPath),
  );
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
  const kept = await assertClaimsHold(spec.outputPath, SEED);
  assert.ok(kept > 0 && kept < SIZE);

  isFull = false;
  assert.equal((await downloadOn(runtime, spec)).resumedBytes, kept);
  await assertFileIs(spec.outputPath, SEED, SIZE);
});

test("41, 42: a disk that really fills up loses neither data nor the control file", {
  skip: NO_SMALL_DISK,
}, async () => {
  await using disk = new SmallDisk(4);
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const outputPath = disk.join("out.bin");
  const spec = { url: server.url, outputPath, ...SMALL_BLOCKS, controlSaveIntervalMs: 10 };
  let before = 0;
  const fillDisk = async () => {
    before = await untilClaimed(`${outputPath}.bytehaul`, 0);
    await fill(disk.join("filler"));
  };
  await assert.rejects(download(spec, fillDisk), failure("disk_full", /no space left/));
  const kept = await assertClaimsHold(outputPath, SEED);
  assert.ok(kept >= before, `${kept} bytes are claimed after the failure, ${before} before`);
  assert.deepEqual((await readdir(disk.path)).sort(), ["filler", "out.bin.bytehaul", "out.bin.part"]);

  await rm(disk.join("filler"));
  assert.equal((await download(spec)).resumedBytes, kept);
  await assertFileIs(outputPath, SEED, SIZE);
});

test(
  "41: a file that does not fit is refused before anything is stored",
  { skip: NO_SMALL_DISK },
  async () => {
    await using disk = new SmallDisk(1);
    await using server = await FaultServer.start({ size: SIZE });
    const spec = { url: server.url, outputPath: disk.join("out.bin") };
    await assert.rejects(download(spec), failure("disk_full", /3000000 bytes are needed and \d+ are free/));
    assert.deepEqual(await readdir(disk.path), []);
  },
);

test("41: a body of unknown length that fills the disk leaves nothing", { skip: NO_SMALL_DISK }, async () => {
  await using disk = new SmallDisk(1);
  await using server = await FaultServer.start({
    size: SIZE,
    respond: () => ({ status: 200, closeDelimited: true }),
  });
  const spec = { url: server.url, outputPath: disk.join("out.bin") };
  await assert.rejects(download(spec), failure("disk_full", /no space left/));
  assert.deepEqual(await readdir(disk.path), []);
});

/** Writes until nothing more fits. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (let bytes = 65_536; bytes > 0;) {
      await file.write(new Uint8Array(bytes)).catch(() => bytes = Math.floor(bytes / 2));
    }
  } finally {
    await file.close();
  }
}

/** Replaces what is done to files whose path ends in `suffix`. */
function onFile(suffix: string, change: (file: RuntimeFile) => Partial<RuntimeFile>): RuntimeOverrides {
  return { file: (file, path) => path.endsWith(suffix) ? fileWith(file, change(file)) : file };
}

/** Does it, and then says that it failed, at first or always. */
function failing(suffix: string, step: "sync" | "close", times = 1): RuntimeOverrides {
  let failures = 0;
  return onFile(suffix, (file) => ({
    [step]: async () => {
      await file[step]();
      if (failures++ < times) throw systemError("EIO");
    },
  }));
}

const TORN_WRITE = onFile(".tmp", (file) => ({
  write: async (data, position) => {
    await file.write(data.subarray(0, 10), position);
    throw systemError("ENOSPC");
  },
}));

const SAVING: readonly [step: string, code: DownloadErrorCode, overrides: RuntimeOverrides][] = [
  ["is made", "disk_full", { files: { create: () => Promise.reject(systemError("ENOSPC")) } }],
  ["is written", "disk_full", TORN_WRITE],
  ["is synced", "storage", failing(".tmp", "sync", Infinity)],
  ["is closed", "storage", failing(".tmp", "close", Infinity)],
  ["gets its name", "storage", { files: { rename: () => Promise.reject(systemError("EIO")) } }],
];

for (const [step, code, overrides] of SAVING) {
  test(`42: the old control file survives a failure when the new one ${step}`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { seed: SEED });
    const before = await readFile(left.controlPath);
    left.respond = () => STALLING;
    const runtime = runtimeWith(overrides);
    await assert.rejects(
      downloadOn(runtime, { ...left.spec, controlSaveIntervalMs: 10 }),
      failure(code, /Cannot save the control file/, left.controlPath),
    );
    assert.ok(before.equals(await readFile(left.controlPath)), "the control file is not the old one");
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
    left.respond = () => undefined;
    assert.equal((await left.resume()).resumedBytes, left.saved);
    await assertFileIs(left.path, SEED, left.server.version.size);
  });
}

for (const moment of ["while it is fetched", "when it is whole"]) {
  test(`43: after an I/O error from sync ${moment}, nothing of what was not saved before is kept`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { seed: SEED });
    if (moment === "while it is fetched") left.respond = () => STALLING;
    const controlSaveIntervalMs = moment === "while it is fetched" ? 10 : 60_000;
    await assert.rejects(
      downloadOn(runtimeWith(failing(".part", "sync")), { ...left.spec, controlSaveIntervalMs }),
      failure("storage", /Cannot .*: EIO/, left.path),
    );
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
    assert.equal(await claimedBytes(left.controlPath), left.saved, "a later sync was believed");
    left.respond = () => undefined;
    assert.equal((await left.resume()).resumedBytes, left.saved);
    await assertFileIs(left.path, SEED, left.server.version.size);
  });
}

test("44: an error on close is reported, and what was synced before is kept", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED });
  await assert.rejects(
    downloadOn(runtimeWith(failing(".part", "close")), left.spec),
    failure("storage", /Cannot close .*: EIO/, left.partPath),
  );
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
  assert.equal((await left.resume()).fetchedBytes, 0);
  await assertFileIs(left.path, SEED, left.server.version.size);
});

const UNWRITABLE = { EACCES: /permission denied/, EROFS: /read-only/, EPERM: /not permitted/ };

for (const [code, text] of Object.entries(UNWRITABLE)) {
  test(`45: a directory that must not be written (${code}) fails before the network`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE });
    const runtime = runtimeWith({ files: { lock: () => Promise.reject(systemError(code)) } });
    const spec = { url: server.url, outputPath: dir.join("out.bin") };
    await assert.rejects(downloadOn(runtime, spec), failure("storage", text, spec.outputPath));
    assert.equal(server.connections, 0);
  });
}

test(
  "45: a file system that really is read-only fails before the network",
  { skip: NO_SMALL_DISK },
  async () => {
    await using disk = new SmallDisk(4);
    await using server = await FaultServer.start({ size: SIZE });
    disk.makeReadOnly();
    await assert.rejects(
      download({ url: server.url, outputPath: disk.join("out.bin") }),
      failure("storage", /read-only/, disk.path),
    );
    assert.equal(server.connections, 0);
  },
);

test("45: a directory that cannot be made fails before the network", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  await writeFile(dir.join("file"), "");
  await assert.rejects(
    download({ url: server.url, outputPath: dir.join("file", "sub", "out.bin") }),
    failure("storage", /Cannot/, dir.path),
  );
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), ["file"]);
});

test("45: an exhausted quota is told as a full disk and leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  const runtime = runtimeWith(
    onFile(".part", () => ({ write: () => Promise.reject(systemError("EDQUOT")) })),
  );
  await assert.rejects(
    downloadOn(runtime, { url: server.url, outputPath: dir.join("out.bin") }),
    failure("disk_full", /no space left/, dir.path),
  );
  assert.deepEqual(await dir.list(), []);
});

test("45: a part file that cannot be made leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  const real = runtimeWith({});
  const create = (path: string) =>
    path.endsWith(".part") ? Promise.reject(systemError("EDQUOT")) : real.files.create(path);
  await assert.rejects(
    downloadOn(runtimeWith({ files: { create } }), { url: server.url, outputPath: dir.join("out.bin") }),
    failure("disk_full", /no space left/, dir.path),
  );
  assert.deepEqual(await dir.list(), []);
});

/** What somebody else does to a part file of at least this many bytes. */
const CUT = 200_000;
const DELETING = (part: string) => rm(part);
const REPLACING = async (part: string) => {
  await writeFile(`${part}.new`, new Uint8Array((await stat(part)).size));
  await rename(`${part}.new`, part);
};

const BETWEEN_RUNS = [
  { what: "deleted", meddle: DELETING, kept: 0 },
  { what: "replaced", meddle: REPLACING, kept: 0 },
  { what: "truncated", meddle: (part: string) => truncate(part, CUT), kept: CUT },
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
  assert.equal((await download(spec)).resumedBytes, CUT);
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
      await rm(left.path, { recursive: true });
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
  // The name itself would fit, its companions do not.
  for (const length of [250, 300]) {
    await assert.rejects(
      download({ url: server.url, outputPath: dir.join("a".repeat(length)) }),
      failure("storage", IS_WINDOWS ? /Cannot/ : /the name is too long/, dir.path),
    );
  }
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});

for (const code of ["EOPNOTSUPP", "ENOSYS", "EINVAL"]) {
  test(`51: a disk that cannot preallocate (${code}) is written as it comes`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, seed: SEED });
    const runtime = runtimeWith(
      onFile(".part", () => ({ truncate: () => Promise.reject(systemError(code)) })),
    );
    const spec = { url: server.url, outputDir: dir.path, fileAllocation: "prealloc" } as const;
    const { path } = await downloadOn(runtime, spec);
    await assertFileIs(path, SEED, SIZE);
  });
}

test("51: a disk without the space to preallocate is full, and nothing is left on it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  const runtime = runtimeWith(
    onFile(".part", () => ({ truncate: () => Promise.reject(systemError("ENOSPC")) })),
  );
  const spec = { url: server.url, outputDir: dir.path, fileAllocation: "prealloc" } as const;
  await assert.rejects(downloadOn(runtime, spec), failure("disk_full", /no space left/, dir.path));
  assert.deepEqual(await dir.list(), []);
});

test("51: preallocation gives the part file its length at once", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED, spec: { fileAllocation: "prealloc" } });
  const { size } = left.server.version;
  assert.equal((await stat(left.partPath)).size, size);
  assert.equal((await left.resume()).resumedBytes, left.saved);
  await assertFileIs(left.path, SEED, size);
});
