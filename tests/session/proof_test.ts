import assert from "node:assert/strict";
import { open, utimes } from "node:fs/promises";
import { test } from "node:test";
import type { DownloadHandle, DownloadSpec } from "../../mod.ts";
import type { DownloadQueue } from "../../src/queue/download_queue.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import type { Reply } from "../../testing/mod.ts";
import { assertClaimsHold, claimedBytes, readControl, untilClaimed } from "../helpers/disk/control_file.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import { fileWith, queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 7;
const PIECE = SMALL_FILE.pieceSize;

/** A download that resumes while the proof stands at a gate. */
interface Resuming extends AsyncDisposable {
  readonly gate: Gate;
  readonly handle: DownloadHandle;
  readonly lines: readonly string[];
  readonly queue: DownloadQueue;
}

/** Leaves a part file that must be proven, with the pieces `wrong` changed. */
async function leave(dir: TemporaryDirectory, wrong: readonly number[] = []): Promise<Interrupted> {
  const left = await Interrupted.leave(dir);
  const part = await open(left.partPath, "r+");
  for (const piece of wrong) {
    const byte = new Uint8Array(1);
    await part.read(byte, 0, 1, piece * PIECE + 9);
    await part.write(byte.map((value) => value ^ 1), 0, 1, piece * PIECE + 9);
  }
  await part.close();
  const laterSeconds = Date.now() / 1000 + 1;
  await utimes(left.partPath, laterSeconds, laterSeconds);
  return left;
}

/** Resumes. The reader of the proof is the second one of the part file that is opened. */
function resume(
  left: Interrupted,
  changes: Partial<DownloadSpec> = {},
  read: (gate: Gate) => Promise<void> = (gate) => gate.pass(),
): Resuming {
  const gate = new Gate();
  const lines: string[] = [];
  let opened = 0;
  const runtime = runtimeWith({
    file: (file, path) => {
      if (!path.endsWith(".part") || ++opened !== 2) return file;
      return fileWith(file, {
        read: async (buffer, position) => {
          await read(gate);
          return await file.read(buffer, position);
        },
      });
    },
  });
  const queue = queueOn(runtime, { logger: (level, text) => void lines.push(`${level}: ${text}`) });
  const handle = queue.add({ ...left.spec, ...changes });
  handle.wait().catch(() => {}); // the test waits for it
  return { gate, handle, lines, queue, [Symbol.asyncDispose]: () => (gate.open(), queue.close()) };
}

test("what is missing is fetched before the proof is over, and only proven bytes count", async () => {
  await using dir = await temporaryDirectory();
  await using left = await leave(dir);
  const { size } = left.server.version;
  await using resuming = resume(left);
  const { gate, handle, lines } = resuming;
  await gate.reached;
  // What was compared is proven.
  await until(() => handle.snapshot.downloaded > size - left.saved);
  await until(() => handle.snapshot.connections === 0);
  assert.ok(handle.snapshot.downloaded < size, `${handle.snapshot.downloaded} bytes`);
  gate.open();
  const { resumedBytes, fetchedBytes } = await handle.wait();
  assert.deepEqual([resumedBytes, fetchedBytes], [left.saved, size - left.saved]);
  assert.equal(handle.snapshot.downloaded, size);
  assert.ok(
    lines.some((line) => /^info: .* 0 of its \d+ recorded bytes are wrong/.test(line)),
    lines.join("\n"),
  );
  await assertFileIs(left.path, SEED, size);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("while only the proof is left, the state says so", async () => {
  await using dir = await temporaryDirectory();
  await using left = await leave(dir);
  const states: string[] = [];
  let reads = 0;
  await using resuming = resume(left, {}, async (gate) => {
    if (reads++ === 3) await gate.pass();
    states.push(resuming.handle.snapshot.state);
  });
  const { gate, handle } = resuming;
  await gate.reached;
  const { size } = left.server.version;
  await until(() => handle.snapshot.downloaded > size - left.saved);
  gate.open();
  await handle.wait();
  assert.equal(states.at(-1), "verifying", states.join());
});

for (const isHashed of [false, true]) {
  test(`46: wrong ranges are fetched during the proof, ${isHashed ? "with" : "without"} a checksum`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await leave(dir, [0, 1]);
    const { size } = left.server.version;
    const checksum = isHashed ? `sha256:${contentHash(SEED, size, "sha256")}` : undefined;
    await using resuming = resume(left, { checksum }, () => Promise.resolve());
    const { resumedBytes, fetchedBytes } = await resuming.handle.wait();
    const wrong = left.saved - resumedBytes;
    assert.ok(wrong === 2 * PIECE, `${wrong} bytes`);
    assert.equal(fetchedBytes, size - resumedBytes);
    const told = resuming.lines.filter((line) => line.includes("recorded bytes"));
    assert.equal(told.length, 1, resuming.lines.join("\n"));
    assert.match(told[0]!, new RegExp(`^warn: .*${wrong} of its ${left.saved} recorded bytes are wrong`));
    await assertFileIs(left.path, SEED, size);
  });
}

for (const verb of ["pause", "cancel"] as const) {
  test(`80: ${verb}() ends a proof`, async () => {
    await using dir = await temporaryDirectory();
    await using left = await leave(dir);
    left.respond = () => ({ silentAfter: 100_000 });
    await using resuming = resume(left);
    const { gate, handle, queue } = resuming;
    await gate.reached;
    handle[verb]();
    gate.open();
    await assert.rejects(handle.wait());
    await queue.close();
    const claimed = await claimedBytes(left.controlPath);
    assert.ok(claimed >= left.saved, `${claimed} of ${left.saved} bytes are left`);
    left.respond = () => undefined;
    assert.equal((await left.resume()).resumedBytes, claimed);
    await assertFileIs(left.path, SEED, left.server.version.size);
  });
}

test("53: a checkpoint during the proof records what is proven, and keeps the rest to be proven", async () => {
  await using dir = await temporaryDirectory();
  await using left = await leave(dir);
  left.respond = (): Reply => ({ silentAfter: 100_000 });
  await using resuming = resume(left, { controlSaveIntervalMs: 10 });
  const { gate, handle, queue } = resuming;
  await gate.reached;
  const before = (await readControl(left.controlPath))!;
  const hasNewRecord = async () =>
    (await readControl(left.controlPath))?.part?.modifiedMs !== before.part?.modifiedMs;
  while (!await hasNewRecord()) await new Promise((resolve) => setTimeout(resolve, 2));
  const claimed = await untilClaimed(left.controlPath, left.saved - 1);
  assert.ok(claimed >= left.saved);
  const record = (await readControl(left.controlPath))!;
  assert.ok(
    record.progress.bitmap.every((byte, index) => byte !== before.progress.bitmap[index] || byte === 0),
  );
  handle.pause();
  gate.open();
  await assert.rejects(handle.wait(), { code: "paused" });
  await queue.close();
  assert.ok(await assertClaimsHold(left.path, SEED) >= claimed);
});

test("a part file that cannot be read during the proof is an error, and costs nothing", async () => {
  await using dir = await temporaryDirectory();
  await using left = await leave(dir);
  await using resuming = resume(left, {}, () => Promise.reject(systemError("EIO")));
  await assert.rejects(resuming.handle.wait(), {
    code: "storage",
    message: `Cannot check "${left.partPath}": EIO: made by a test`,
  });
  await resuming.queue.close();
  const claimed = await claimedBytes(left.controlPath);
  assert.ok(claimed >= left.saved);
  assert.equal((await left.resume()).resumedBytes, claimed);
});

test("a server that refuses further ranges is read from its first byte once the proof is over", async () => {
  await using dir = await temporaryDirectory();
  await using left = await leave(dir, [1]);
  const { size } = left.server.version;
  let requests = 0;
  let wasProven: boolean | undefined;
  left.respond = ({ range }) => {
    const isFirst = requests++ === 0;
    if (range === undefined) {
      wasProven = resuming.lines.some((line) => line.includes("recorded bytes"));
      return undefined;
    }
    if (isFirst) return { range: { start: range.start, end: range.start + 150_000 } };
    return { status: 416, headers: { "Content-Range": undefined } };
  };
  await using resuming = resume(left, { maxConnections: 1 });
  await resuming.gate.reached;
  await until(() => requests > 1);
  // A request for the complete file would come now, if it did not wait for the proof.
  const giveUpMs = performance.now() + 300;
  await until(() => wasProven !== undefined || performance.now() > giveUpMs);
  resuming.gate.open();
  const { resumedBytes } = await resuming.handle.wait();
  assert.deepEqual([resumedBytes, wasProven], [left.saved - PIECE, true]);
  await assertFileIs(left.path, SEED, size);
});
