import assert from "node:assert/strict";
import { open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { DownloadErrorCode } from "../../mod.ts";
import { assertFileIs } from "../../testing/content.ts";
import { assertClaimsHold, claimedBytes, untilClaimed } from "../helpers/disk/control_file.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { type RuntimeOverrides, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { NO_SMALL_DISK, SmallDisk } from "../helpers/disk/small_disk.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { download, downloadOn, failing, failure, onFile, SMALL_BLOCKS } from "./disk.ts";

const SEED = 41;
const SIZE = 3_000_000;
/** Every response ends in silence, so that nothing is over before the time has come. */
const STALLING = { silentAfter: 100_000 };

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
    const after = await readFile(left.controlPath);
    assert.ok(before.equals(after.subarray(0, before.length)), "the control file is not the old one");
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
    const claimed = await claimedBytes(left.controlPath);
    left.respond = () => undefined;
    assert.equal((await left.resume()).resumedBytes, claimed);
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
    failure("disk_full", /the disk quota is used up/, dir.path),
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
    failure("disk_full", /the disk quota is used up/, dir.path),
  );
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
