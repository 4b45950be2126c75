import assert from "node:assert/strict";
import { appendFile, copyFile, mkdir, open, readFile, stat, truncate, utimes } from "node:fs/promises";
import { test } from "node:test";
import type { DownloadResult, DownloadSpec } from "../../mod.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { Child } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold, claims, readControl, untilClaimed } from "../helpers/disk/control_file.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { fileWith, queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 7;
const PIECE = SMALL_FILE.pieceSize;
/** What is there already, asked for once more and compared. */
const COMPARED = 65_536;

/** Goes on with what was left, on files of the test's own, and keeps what is told. */
async function resumeWith(
  left: Interrupted,
  changes: Partial<DownloadSpec> = {},
  change: (file: RuntimeFile) => Partial<RuntimeFile> = () => ({}),
): Promise<DownloadResult & { readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const runtime = runtimeWith({
    file: (file, path) => path.endsWith(".part") ? fileWith(file, change(file)) : file,
  });
  const queue = queueOn(runtime, { logger: (level, text) => void lines.push(`${level}: ${text}`) });
  try {
    return { ...await queue.add({ ...left.spec, ...changes }).wait(), lines };
  } finally {
    await queue.close();
  }
}

/** Flips a bit of a whole piece that the control file claims. */
async function flipBit(output: string): Promise<void> {
  const { bitmap } = (await readControl(`${output}.bytehaul`))!.progress;
  const piece = [...bitmap.keys()].map((at) => at * 8).find((first) => (bitmap[first >> 3]! & 1) === 1)!;
  const file = await open(`${output}.part`, "r+");
  try {
    const byte = new Uint8Array(1);
    const position = piece * PIECE + PIECE / 2;
    await file.read(byte, 0, 1, position);
    await file.write(byte.map((it) => it ^ 1), 0, 1, position);
    // The system's clock for files may not have moved on since the checkpoint.
    const laterSeconds = Date.now() / 1000 + 1;
    await file.utimes(laterSeconds, laterSeconds);
  } finally {
    await file.close();
  }
}

test("a part file that nobody touched is believed, and no more of it read than is compared", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  let bytesRead = 0;
  const { resumedBytes, lines } = await resumeWith(left, {}, (file) => ({
    read: async (buffer, position) => {
      const length = await file.read(buffer, position);
      bytesRead += length;
      return length;
    },
  }));
  assert.equal(resumedBytes, left.saved);
  assert.equal(bytesRead, COMPARED);
  assert.ok(!lines.some((line) => line.includes("recorded bytes")), lines.join("\n"));
  await assertFileIs(left.path, SEED, left.server.version.size);
});

for (const isHashed of [false, true]) {
  const how = isHashed ? "with a checksum, too" : "without a checksum";
  test(`46: a bit flipped after a pause costs the piece it is in and no more, ${how}`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir);
    const { size } = left.server.version;
    await flipBit(left.path);
    const checksum = isHashed ? `sha256:${contentHash(SEED, size, "sha256")}` : undefined;
    const { resumedBytes, lines } = await resumeWith(left, { checksum });
    assert.equal(resumedBytes, left.saved - PIECE);
    assert.equal(left.server.bytesServed - left.sent, size - left.saved + PIECE + COMPARED);
    const told = lines.filter((line) => line.includes("recorded bytes"));
    assert.equal(told.length, 1, lines.join("\n"));
    assert.match(told[0]!, new RegExp(`^warn: .*${PIECE} of its ${left.saved} recorded bytes are wrong`));
    assert.ok(!lines.some((line) => line.includes("restarting")), lines.join("\n"));
    await assertFileIs(left.path, SEED, size);
  });
}

test("46, 52: a bit flipped after kill -9 costs the piece it is in and no more", async () => {
  await using dir = await temporaryDirectory();
  const size = 3_000_000;
  let reply: { throttle?: number } = { throttle: 2 ** 20 };
  await using server = await FaultServer.start({ size, seed: SEED, respond: () => reply });
  const path = dir.join("out.bin");
  {
    const flags = ["-x", "4", "--min-split-size", "0", "--min-segment-size", "64k", "--piece-size", "64k"];
    await using child = Child.bytehaul([...flags, "--save-interval", "0.02", "-o", path, server.url]);
    await untilClaimed(`${path}.bytehaul`, 500_000);
    child.signal("SIGKILL");
    await child.ended;
  }
  await until(() => server.openConnections === 0);
  const saved = await assertClaimsHold(path, SEED);
  await flipBit(path);
  const before = server.bytesServed;
  reply = {};
  const queue = queueOn(runtimeWith({}));
  const { resumedBytes } = await queue.add({ url: server.url, outputPath: path }).wait();
  await queue.close();
  assert.equal(resumedBytes, saved - PIECE);
  const compared = server.bytesServed - before - (size - saved + PIECE);
  assert.ok(compared > 0 && compared <= COMPARED, `${compared} bytes were compared`);
  await assertFileIs(path, SEED, size);
});

test("46: a part file that was cut and made longer again ends in the right file", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = await stat(left.partPath);
  const cut = 2 * PIECE + 1;
  await truncate(left.partPath, cut);
  await truncate(left.partPath, size);
  const { resumedBytes } = await left.resume();
  assert.equal(resumedBytes, 2 * PIECE);
  await assertFileIs(left.path, SEED, left.server.version.size);
});

test("46: a part file that lost its end is noticed, also when its time says that nobody wrote", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { atime, mtimeMs } = await stat(left.partPath);
  await truncate(left.partPath, PIECE);
  await utimes(left.partPath, atime, (Math.floor(mtimeMs) + 0.5) / 1000);
  assert.equal((await left.resume()).resumedBytes, PIECE);
  await assertFileIs(left.path, SEED, left.server.version.size);
});

test("a part file that was made longer than the file is cut to it", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  await truncate(left.partPath, size);
  await appendFile(left.partPath, "more");
  assert.equal((await left.resume()).resumedBytes, left.saved);
  await assertFileIs(left.path, SEED, size);
});

test("a download that was copied elsewhere goes on there", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  await mkdir(dir.join("moved"));
  const outputPath = dir.join("moved", "other.bin");
  for (const suffix of [".part", ".bytehaul"]) await copyFile(left.path + suffix, outputPath + suffix);
  const { resumedBytes, lines } = await resumeWith(left, { outputPath });
  assert.equal(resumedBytes, left.saved);
  assert.equal(left.server.bytesServed - left.sent, size - left.saved + COMPARED);
  assert.ok(
    lines.some((line) => /^info: .* 0 of its \d+ recorded bytes are wrong/.test(line)),
    lines.join("\n"),
  );
  await assertFileIs(outputPath, SEED, size);
});

test("80: a check that is stopped ends at once and changes nothing", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { server } = left;
  await flipBit(left.path);
  const before = [await readFile(left.controlPath), await readFile(left.partPath)];
  const asked = server.requests.length;
  let reads = 0;
  const gate = Promise.withResolvers<void>();
  const runtime = runtimeWith({
    file: (file, path) =>
      !path.endsWith(".part") ? file : fileWith(file, {
        read: async (buffer, position) => {
          if (++reads === 2) await gate.promise;
          return await file.read(buffer, position);
        },
      }),
  });
  const queue = queueOn(runtime);
  const handle = queue.add(left.spec);
  await until(() => reads === 2);
  handle.pause();
  gate.resolve();
  await assert.rejects(handle.wait(), { code: "paused" });
  await queue.close();
  assert.equal(reads, 2, "it was read on");
  assert.equal(server.requests.length, asked);
  assert.deepEqual([await readFile(left.controlPath), await readFile(left.partPath)], before);
  assert.equal((await left.resume()).resumedBytes, left.saved - PIECE);
});

test("a part file that cannot be read is an error, and costs nothing", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  await flipBit(left.path);
  const fails = () => Promise.reject(systemError("EIO"));
  await assert.rejects(resumeWith(left, {}, () => ({ read: fails })), {
    code: "storage",
    message: `Cannot check "${left.partPath}": EIO: made by a test`,
  });
  assert.equal((await left.resume()).resumedBytes, left.saved - PIECE);
});

/** The lengths of what is claimed. */
function rangesOf(record: ControlRecord | undefined): number[] {
  return [...claims(record!).known()].map(({ start, end }) => end - start);
}

for (const memoryBudget of [65_536, 64 * 2 ** 20]) {
  test(`memory: a check within a budget of ${memoryBudget} bytes reads no more than that at once`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { spec: { pieceSize: 2 ** 20 } });
    const { size } = left.server.version;
    await appendFile(left.partPath, "x");
    const longest = Math.max(...rangesOf(await readControl(left.controlPath)));
    let largest = 0;
    const { resumedBytes } = await resumeWith(left, { memoryBudget }, (file) => ({
      read: (buffer, position) => {
        largest = Math.max(largest, buffer.length);
        return file.read(buffer, position);
      },
    }));
    assert.equal(resumedBytes, left.saved);
    assert.equal(largest, Math.min(memoryBudget, 512 * 1024, longest));
    await assertFileIs(left.path, SEED, size);
  });
}
