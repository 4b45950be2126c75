import assert from "node:assert/strict";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Downloader, DownloadError, type DownloadSpec } from "../../mod.ts";
import { Child, runBytehaul } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold, readControl, untilClaimed } from "../helpers/disk/control_file.ts";
import { CHANGING_CALLS, dyingBefore } from "../helpers/doubles/dying_runtime.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { queueOn } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 52;
const SIZE = 3_000_000;
const STUCK_DISK = fileURLToPath(new URL("./stuck_disk_child.ts", import.meta.url));
const FLAGS = ["--min-split-size", "0", "--min-segment-size", "16k", "--piece-size", "64k"];
const IN_A_CHILD = { timeout: 60_000 };
const WITH_SIGNALS = { ...IN_A_CHILD, skip: process.platform === "win32" && "there are no such signals" };

/** A server whose responses stall after 100 kB, so that no download is over before it is told to go on. */
async function startServer(): Promise<{ server: FaultServer; goOn: () => void }> {
  let reply: Reply | undefined = { silentAfter: 100_000 };
  const server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => reply });
  return { server, goOn: () => reply = undefined };
}

/** Checks that so many bytes that were there were sent once more and compared, and no byte more. */
function assertCompared(bytes: number): void {
  assert.ok(bytes > 0 && bytes <= 65_536, `${bytes} bytes were sent that were there`);
}

async function download(spec: DownloadSpec): Promise<number> {
  await using downloader = new Downloader();
  return (await downloader.download({ ...SMALL_FILE, ...spec }).wait()).resumedBytes;
}

test("52: after kill -9 the same command goes on from the last checkpoint", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  const { server, goOn } = await startServer();
  await using _ = server;
  const path = dir.join("out.bin");
  const args = [...FLAGS, "--save-interval", "0.05", "-o", path, server.url];
  let claimed = 0;
  for (let run = 0; run < 2; run++) {
    await using child = Child.bytehaul(args);
    await untilClaimed(`${path}.bytehaul`, claimed);
    child.signal("SIGKILL");
    assert.equal((await child.ended).status, process.platform === "win32" ? 1 : null);
    claimed = await assertClaimsHold(path, SEED);
    assert.equal((await dir.list()).includes("out.bin"), false);
  }
  goOn();
  const before = server.bytesServed;
  const { status, stderr } = await runBytehaul(args);
  assert.equal(status, 0, stderr);
  assertCompared(server.bytesServed - before - (SIZE - claimed));
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

const IN_PIECES = { ...SMALL_FILE, memoryBudget: 524_288, controlSaveIntervalMs: 10 };
/** It is held in memory until it is whole. */
const IN_ONE_PIECE = { ...SMALL_FILE, pieceSize: 2 ** 20 };

for (const call of CHANGING_CALLS) {
  for (const [what, spec] of [["its files", IN_PIECES], ["a small file's", IN_ONE_PIECE]] as const) {
    test(`52, 59: a process may die before any ${call}() of ${what}`, { timeout: 30_000 }, async () => {
      await using server = await FaultServer.start({
        size: 300_000,
        seed: SEED,
        respond: () => ({ throttle: 10_000_000 }),
      });
      for (let nth = 1; await dieAndGoOn(server, spec, call, nth); nth++);
    });
  }
}

/** Returns whether there was such a call to die before. */
async function dieAndGoOn(
  server: FaultServer,
  options: Partial<DownloadSpec>,
  call: string,
  nth: number,
): Promise<boolean> {
  await using dir = await temporaryDirectory();
  const { size } = server.version;
  const path = dir.join("sub", "out.bin");
  const checksum = `sha256:${contentHash(SEED, size, "sha256")}`;
  const spec = { url: server.url, outputPath: path, checksum, ...options };
  const dying = dyingBefore(call, nth);
  const queue = queueOn(dying.runtime);
  const outcome = await queue.add(spec).wait().catch((error) => error);
  await queue.close();
  const names: string[] = await readdir(dir.join("sub")).catch(() => []);
  const isThere = names.includes("out.bin");
  if (isThere) await assertFileIs(path, SEED, size);
  if (!dying.isDead) {
    assert.deepEqual([outcome.size, names], [size, ["out.bin"]]);
    return false;
  }
  assert.ok(outcome instanceof DownloadError, String(outcome));
  const claimed = await assertClaimsHold(path, SEED);
  if (call === "link" && options === IN_PIECES) assert.equal(claimed, size);

  await using downloader = new Downloader();
  // Without a part file it is the checksum that shows whose the finished file is.
  const { fetchedBytes } = await downloader.download(spec).wait();
  assert.equal(fetchedBytes, isThere ? 0 : size - claimed);
  await assertFileIs(path, SEED, size);
  assert.deepEqual(await readdir(dir.join("sub")), ["out.bin"]);
  return true;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`54: ${signal} saves what is there and tells how to go on`, WITH_SIGNALS, async () => {
    await using dir = await temporaryDirectory();
    const { server, goOn } = await startServer();
    await using _ = server;
    const path = dir.join("out.bin");
    const args = [...FLAGS, "--save-interval", "0.05", "-o", path, server.url];
    await using child = Child.bytehaul(args);
    const before = await untilClaimed(`${path}.bytehaul`, 0);
    const signalledMs = performance.now();
    child.signal(signal);
    const { status, stdout, stderr } = await child.ended;
    assert.ok(performance.now() - signalledMs < 2000, "it took long to stop");
    assert.equal(status, 130);
    assert.equal(stdout, "");
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
    const claimed = await assertClaimsHold(path, SEED);
    assert.ok(claimed >= before, `${claimed} bytes claimed`);

    assert.match(stderr, /run the same command again to resume\n$/);
    goOn();
    const served = server.bytesServed;
    assert.equal((await runBytehaul(args)).status, 0);
    assertCompared(server.bytesServed - served - (SIZE - claimed));
    await assertFileIs(path, SEED, SIZE);
  });
}

test("54: a second signal ends the process at once, whatever it waits for", WITH_SIGNALS, async () => {
  await using dir = await temporaryDirectory();
  const { server } = await startServer();
  await using _ = server;
  const args = ["--save-interval", "0.05", "-o", dir.join("out.bin"), server.url];
  await using child = new Child(STUCK_DISK, args);
  await until(() => child.stdout !== "");
  child.signal("SIGINT");
  // The first one has been heard once the connections are closed.
  await until(() => server.openConnections === 0);
  // One that follows within half a second would be taken for its echo.
  await sleep(600);
  assert.equal(child.isOver, false);
  const signalledMs = performance.now();
  child.signal("SIGTERM");
  assert.equal((await child.ended).status, 130);
  assert.ok(performance.now() - signalledMs < 1000, "it took long to end");
});

test(
  "55: a second process on the same output is refused and does not disturb the first",
  IN_A_CHILD,
  async () => {
    await using dir = await temporaryDirectory();
    const { server, goOn } = await startServer();
    await using _ = server;
    const path = dir.join("out.bin");
    const args = [...FLAGS, "--read-timeout", "1", "-o", path, server.url];
    await using first = Child.bytehaul(args);
    await server.until(() => server.bytesServed > 0);
    await assert.rejects(download({ url: server.url, outputPath: path }), {
      code: "output_locked",
      message: /another download is writing it; wait for that one or choose another output/,
    });
    const second = await runBytehaul([...args, "--overwrite", "-H", "X-Second: yes"]);
    assert.equal(second.status, 1);
    assert.match(
      second.stderr,
      /^bytehaul: Cannot write ".*out\.bin": another download is writing it[^\n]*\n$/,
    );
    goOn();
    assert.equal((await first.ended).status, 0);
    const asked = server.requests.filter(({ headers }) => headers["x-second"] !== undefined);
    assert.deepEqual(asked, []);
    await assertFileIs(path, SEED, SIZE);
    assert.deepEqual(await dir.list(), ["out.bin"]);
  },
);

test("56: two downloads of one output in one process are refused, however the path is written", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  await mkdir(dir.join("sub"));
  const path = dir.join("sub", "out.bin");
  const paths = [path, `${dir.path}/sub/../sub/./out.bin`];
  if (process.platform !== "win32") {
    await symlink(dir.join("sub"), dir.join("link"));
    paths.push(dir.join("link", "out.bin"));
  }
  await using downloader = new Downloader();
  const begin = (spec: DownloadSpec) => downloader.download(spec);
  const handle = await holdAfter(1, begin, { url: server.url, outputPath: path, ...SMALL_FILE });
  for (const outputPath of paths) {
    for (const overwrite of [false, true]) {
      const spec = { url: server.url, outputPath, overwrite };
      await assert.rejects(downloader.download(spec).wait(), { code: "output_locked" });
      await assert.rejects(download(spec), { code: "output_locked" });
    }
  }
  handle.maxDownloadSpeed = 0;
  await handle.wait();
  await assertFileIs(path, SEED, SIZE);
});

test("56: once the first of two downloads is paused, the second may go on with it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  await using downloader = new Downloader();
  const first = await holdAfter(500_000, (held) => downloader.download(held), spec);
  first.pause();
  await assert.rejects(first.wait(), { code: "paused" });
  const { resumedBytes } = await downloader.download(spec).wait();
  assert.equal(resumedBytes, first.snapshot.downloaded);
  await assertFileIs(spec.outputPath, SEED, SIZE);
});

test("57: a lock whose owner was killed is taken over", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  const { server, goOn } = await startServer();
  await using _ = server;
  const path = dir.join("out.bin");
  await using child = Child.bytehaul([...FLAGS, "-o", path, server.url]);
  await server.until(() => server.bytesServed > 0);
  child.signal("SIGKILL");
  await child.ended;
  assert.ok((await dir.list()).includes("out.bin.bytehaul.lock"));
  goOn();
  await download({ url: server.url, outputPath: path });
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("57: a lock file that is left over locks nothing, whatever is in it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 1000, seed: SEED });
  const path = dir.join("out.bin");
  // No process has such a number on any system.
  for (const text of ["", "4194305", "rubbish"]) {
    await writeFile(`${path}.bytehaul.lock`, text);
    await download({ url: server.url, outputPath: path, overwrite: true });
    assert.deepEqual(await dir.list(), ["out.bin"]);
  }
});

const OTHER_LAYOUTS = [
  { connections: [1, 6], pieceSize: [65_536, 1 << 20] },
  { connections: [6, 1], pieceSize: [1 << 20, 65_536] },
  { connections: [4, 3], pieceSize: [100_000, 99_991] },
] as const;

for (const { connections, pieceSize } of OTHER_LAYOUTS) {
  const shown = `${pieceSize.join(" then ")} bytes, ${connections.join(" then ")} connections`;
  test(`58: the layout that was recorded wins over new options: pieces of ${shown}`, async () => {
    await using dir = await temporaryDirectory();
    const spec = { maxConnections: connections[0], pieceSize: pieceSize[0] };
    await using left = await Interrupted.leave(dir, { seed: SEED, after: 900_000, spec });
    {
      await using downloader = new Downloader();
      const again = { ...left.spec, maxConnections: connections[1], pieceSize: pieceSize[1] };
      const handle = await holdAfter(left.saved + 300_000, (held) => downloader.download(held), again);
      handle.pause();
      await assert.rejects(handle.wait(), { code: "paused" });
    }
    assert.equal((await readControl(left.controlPath))?.progress.pieceSize, pieceSize[0]);
    const claimed = await assertClaimsHold(left.path, SEED);
    assert.ok(claimed > left.saved, `${claimed} bytes claimed`);
    assert.equal((await left.resume({ pieceSize: pieceSize[1] })).resumedBytes, claimed);
    await assertFileIs(left.path, SEED, left.server.version.size);
  });
}
