import assert from "node:assert/strict";
import { open, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Downloader, type DownloaderOptions } from "../../mod.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold, readControl } from "../helpers/disk/control_file.ts";
import { FaultServer } from "../../testing/mod.ts";
import { collectGarbage } from "../helpers/garbage.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 7;
/** What a response may have sent, on the way when it was paused, for each connection. */
const IN_FLIGHT = 64 * 1024;

const sha256 = (seed: number, size: number) => `sha256:${contentHash(seed, size, "sha256")}`;

/** Checks that so many bytes that were there were sent once more and compared, and no byte more. */
function assertCompared(bytes: number): void {
  assert.ok(bytes > 0 && bytes <= 65_536, `${bytes} bytes were sent that were there`);
}

/** Options that keep what is logged. */
function keepingLogs(): { readonly lines: string[]; readonly options: DownloaderOptions } {
  const lines: string[] = [];
  return { lines, options: { logger: (level, message) => lines.push(`${level}: ${message}`) } };
}

const LAYOUTS = [
  { connections: [1, 1], pieceSize: [65_536, 65_536] },
  { connections: [4, 4], pieceSize: [65_536, 65_536] },
  { connections: [1, 8], pieceSize: [16_384, 1 << 20] },
  { connections: [8, 1], pieceSize: [1 << 20, 16_384] },
  { connections: [3, 5], pieceSize: [65_536, 100_000] },
] as const;

for (const { connections, pieceSize } of LAYOUTS) {
  const name = `${connections.join(" then ")} connections, pieces of ${pieceSize.join(" then ")} bytes`;
  test(`a paused download fetches no byte twice: ${name}`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, {
      spec: { maxConnections: connections[0], pieceSize: pieceSize[0] },
    });
    const { server } = left;
    const { size } = server.version;
    assert.equal(await assertClaimsHold(left.path, SEED), left.saved);
    const result = await left.resume({ maxConnections: connections[1], pieceSize: pieceSize[1] });
    assert.equal(result.resumedBytes, left.saved);
    assert.equal(result.fetchedBytes, size - left.saved);
    // What is sent twice is what was on its way when the first run was paused, and what is compared.
    assertCompared(server.bytesServed - left.sent - (size - left.saved));
    await assertFileIs(left.path, SEED, size);
    assert.deepEqual(await dir.list(), ["out.bin"]);
  });
}

test("a pause reaches every body, also when the garbage of its request was collected", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 3_000_000, respond: () => ({ throttle: 2e6 }) });
  await using downloader = new Downloader();
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  const handle = downloader.download({ ...spec, maxConnections: 3 });
  await server.until(() => server.bytesServed >= 1_000_000);
  // What becomes garbage with the first collection is gone with the second.
  for (let round = 0; round < 2; round++) {
    collectGarbage();
    await setTimeout(10);
  }
  const before = server.bytesServed;
  handle.pause();
  await handle.closed;
  const after = server.bytesServed - before;
  assert.ok(after <= 3 * IN_FLIGHT, `${after} bytes were sent after the pause`);
  assert.equal(await assertClaimsHold(spec.outputPath, 1), handle.snapshot.downloaded);
});

test("a download may be paused several times", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { after: 400_000 });
  const { server } = left;
  const { size } = server.version;
  left.respond = () => ({ throttle: 2 ** 20 });
  let { saved, sent } = left;
  /** And what was compared, but for the last run's. */
  let onTheWay = sent - saved;
  for (const after of [1_000_000, 1_700_000, 2_400_000]) {
    await using downloader = new Downloader();
    const handle = downloader.download(left.spec);
    await until(() => handle.snapshot.downloaded >= after);
    handle.pause();
    await assert.rejects(handle.wait(), { code: "paused" });
    await downloader.close();
    await until(() => server.openConnections === 0);
    onTheWay += server.bytesServed - sent - (handle.snapshot.downloaded - saved);
    saved = handle.snapshot.downloaded;
    sent = server.bytesServed;
    assert.equal(await assertClaimsHold(left.path, SEED), saved);
  }
  left.respond = () => undefined;
  assert.equal((await left.resume()).resumedBytes, saved);
  assertCompared(server.bytesServed - size - onTheWay);
  await assertFileIs(left.path, SEED, size);
});

test("a clean pause saves pieces that are not whole, too", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { spec: { pieceSize: 1 << 20 }, after: 900_000 });
  const record = await readControl(left.controlPath);
  assert.deepEqual([...record!.progress.bitmap], [0], "a piece is whole already");
  assert.equal((await left.resume()).resumedBytes, left.saved);
});

test("pausing through the signal's owner, cancel(), keeps what has arrived as well", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 3_000_000,
    seed: SEED,
    respond: () => ({ throttle: 4e6 }),
  });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  await using downloader = new Downloader();
  const handle = downloader.download(spec);
  await until(() => handle.snapshot.downloaded >= 500_000);
  handle.cancel();
  await assert.rejects(handle.wait(), { code: "cancelled" });
  const kept = handle.snapshot.downloaded;
  assert.equal((await downloader.download(spec).wait()).resumedBytes, kept);
  await assertFileIs(spec.outputPath, SEED, 3_000_000);
});

test("a paused download that can keep nothing says why", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 3_000_000,
    seed: SEED,
    respond: () => ({ status: 200, throttle: 4e6 }),
  });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_FILE };
  await using downloader = new Downloader();
  const handle = downloader.download(spec);
  await until(() => handle.snapshot.downloaded >= 500_000);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused", reason: "the server does not send ranges" });
  assert.deepEqual([handle.snapshot.state, handle.snapshot.downloaded], ["paused", 0]);
  await handle.closed;
  assert.deepEqual(await dir.list(), []);
});

test("a download without an outputPath is found again by the name in its URL", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 3_000_000,
    seed: SEED,
    respond: () => ({ throttle: 4e6 }),
  });
  const spec = { url: `${server.url}?token=1`, outputDir: dir.path, ...SMALL_FILE };
  await using downloader = new Downloader();
  const handle = downloader.download(spec);
  await server.until(() => server.bytesServed >= 1_000_000);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
  // A signed URL gets another query with each signature.
  const result = await downloader.download({ ...spec, url: `${server.url}?token=2` }).wait();
  assert.equal(result.resumedBytes, handle.snapshot.downloaded);
  await assertFileIs(dir.join("file.bin"), SEED, 3_000_000);
});

const CHANGES = [
  { name: "another content of the same size", change: { seed: 8 } },
  { name: "another size", change: { seed: 8, size: 3_000_001 } },
  { name: "a smaller size than what is there", change: { seed: 8, size: 1000 } },
  { name: "another date, without ETags", change: { seed: 8 }, version: { etag: null } },
  {
    name: "another date under a weak ETag",
    change: { seed: 8, etag: 'W/"2"' },
    version: { etag: 'W/"1"' },
  },
  { name: "another ETag, without dates", change: { seed: 8 }, version: { lastModified: null } },
] as const;

for (const { name, change, ...rest } of CHANGES) {
  test(`a file that changed between two runs is fetched anew: ${name}`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, "version" in rest ? rest.version : {});
    const { server } = left;
    server.set(change);
    const { lines, options } = keepingLogs();
    const result = await left.resume({}, options);
    assert.equal(result.resumedBytes, 0);
    assert.ok(
      lines.some((line) => /^warn: the file on the server changed/.test(line)),
      lines.join("\n"),
    );
    await assertFileIs(left.path, server.version.seed, server.version.size);
    assert.deepEqual(await dir.list(), ["out.bin"]);
  });
}

test("a date under a weak ETag is enough to go on", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { etag: 'W/"1"' });
  assert.equal((await left.resume()).resumedBytes, left.saved);
  const { headers } = left.server.requests.findLast((request) => request.headers["if-range"] !== undefined)!;
  assert.equal(headers["if-range"], left.server.version.lastModified);
});

for (const etag of [null, 'W/"1"']) {
  const shown = etag === null ? "no validator" : "a weak one only";
  test(`14: a server that sends ${shown} proves nothing, so the download begins anew`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { etag, lastModified: null });
    left.server.set({ seed: 8, etag, lastModified: null });
    const { lines, options } = keepingLogs();
    const result = await left.resume({}, options);
    assert.equal(result.resumedBytes, 0);
    assert.ok(lines.some((line) => line.startsWith("warn: ")), lines.join("\n"));
    await assertFileIs(left.path, 8, left.server.version.size);
  });

  test(`14: a server that sends ${shown} is trusted where a checksum decides in the end`, async () => {
    await using dir = await temporaryDirectory();
    const options = { etag, lastModified: null };
    await using left = await Interrupted.leave(dir, options);
    const { size } = left.server.version;
    const result = await left.resume({ checksum: sha256(SEED, size) });
    assert.equal(result.resumedBytes, left.saved);
    await assertFileIs(left.path, SEED, size);
  });

  test(`14: with ${shown}, a checksum notices that the file has changed`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { etag, lastModified: null });
    const { size } = left.server.version;
    left.server.set({ seed: 8 });
    const result = await left.resume({ checksum: sha256(8, size) });
    assert.equal(result.resumedBytes, 0);
    await assertFileIs(left.path, 8, size);
  });
}

test("with resume: false an unfinished download is fetched anew", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  const result = await left.resume({ resume: false });
  assert.equal(result.resumedBytes, 0);
  assert.equal(result.fetchedBytes, size);
  await assertFileIs(left.path, SEED, size);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("a file that is there is replaced only when that is asked for, and only by a whole one", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("out.bin");
  await writeFile(path, "precious");
  await using server = await FaultServer.start({
    size: 3_000_000,
    seed: SEED,
    respond: () => ({ throttle: 4e6 }),
  });
  const spec = { url: server.url, outputPath: path, ...SMALL_FILE };
  await using downloader = new Downloader();
  await assert.rejects(downloader.download(spec).wait(), { code: "output_exists" });
  assert.equal(server.requests.length, 0);

  const handle = downloader.download({ ...spec, overwrite: true });
  await server.until(() => server.bytesServed >= 1_000_000);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
  assert.equal(await readFile(path, "utf8"), "precious");

  const result = await downloader.download({ ...spec, overwrite: true }).wait();
  assert.equal(result.resumedBytes, handle.snapshot.downloaded);
  await assertFileIs(path, SEED, 3_000_000);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("wrong bytes that nobody wrote are found by the checksum, and the download begins anew", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  const { atime, mtimeMs } = await stat(left.partPath);
  await overwrite(left.partPath, 100, "wrong");
  // As if the disk had done it: nothing shows that anybody wrote.
  await utimes(left.partPath, atime, (Math.floor(mtimeMs) + 0.5) / 1000);
  const { lines, options } = keepingLogs();
  const result = await left.resume({ checksum: sha256(SEED, size) }, options);
  assert.equal(result.resumedBytes, 0);
  assert.ok(lines.some((line) => /^warn: .*checksum.*restarting/.test(line)), lines.join("\n"));
  await assertFileIs(left.path, SEED, size);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("a file with another checksum never gets the final name, however often it is tried", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  const [expected, actual] = [sha256(8, size), sha256(SEED, size)];
  for (let run = 0; run < 2; run++) {
    await assert.rejects(left.resume({ checksum: expected }), {
      code: "checksum_mismatch",
      expected,
      actual,
    });
    assert.equal((await dir.list()).includes("out.bin"), false);
  }
  assert.ok(left.server.bytesServed >= 2 * size, "what had failed was not fetched again");
});

async function overwrite(path: string, position: number, text: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(text, position);
  } finally {
    await file.close();
  }
}
