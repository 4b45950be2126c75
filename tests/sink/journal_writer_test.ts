import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../src/lib/crc32.ts";
import { JournalWriter } from "../../src/sink/journal_writer.ts";
import type { Appended } from "../../src/storage/journal/journal.ts";
import { contentBytes } from "../../testing/content.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const PIECE = 1000;

/** A range with the CRC-32 of a file's bytes. */
function range(start: number, end: number): CheckedRange {
  return { start, end, crc: crc32(contentBytes(1, start, end)) };
}

/** Every second piece, so that no two of them meet. */
const apart = (index: number): CheckedRange => range(2 * PIECE * index, 2 * PIECE * index + 10);

/** A writer with a journal that does as a test says. */
class Scene {
  readonly clock = new VirtualClock();
  readonly appends: (readonly CheckedRange[])[] = [];
  readonly failures: unknown[] = [];
  timesFull = 0;
  timesDropped = 0;
  /** What the journal does with an append. */
  answer: () => Appended | Promise<Appended> = () => "appended";
  readonly writer = new JournalWriter({
    clock: this.clock,
    pieceSize: PIECE,
    journal: {
      append: async (ranges) => {
        this.appends.push(ranges);
        return await this.answer();
      },
      drop: () => Promise.resolve(void this.timesDropped++),
    },
    onFull: () => void this.timesFull++,
    onFailure: (error) => void this.failures.push(error),
  });

  add(...ranges: CheckedRange[]): void {
    for (const range of ranges) this.writer.add(range);
  }
}

test("what comes within 20 ms is one write", async () => {
  const { writer, appends, clock } = new Scene();
  writer.add(apart(0));
  await clock.advance(12);
  writer.add(apart(1));
  await clock.advance(7);
  assert.deepEqual(appends, []);
  await clock.advance(1);
  assert.deepEqual(appends, [[apart(0), apart(1)]]);
  assert.equal(clock.sleepers, 0);
  await clock.advance(1000);
  writer.add(apart(2));
  await clock.advance(100);
  assert.deepEqual(appends.slice(1), [[apart(2)]]);
  await writer.close();
});

test("64 ranges are written immediately", async () => {
  const scene = new Scene();
  scene.add(...Array.from({ length: 63 }, (_, index) => apart(index)));
  await settle();
  assert.equal(scene.appends.length, 0);
  scene.add(apart(63));
  await settle();
  assert.equal(scene.appends[0]?.length, 64);
  await scene.writer.close();
});

test("one write runs at a time, and what comes meanwhile is the next one", async () => {
  const scene = new Scene();
  const gate = Promise.withResolvers<Appended>();
  scene.answer = () => gate.promise;
  scene.add(apart(0));
  await scene.clock.advance(100);
  scene.add(apart(1), apart(2));
  await scene.clock.advance(1000);
  assert.deepEqual(scene.appends, [[apart(0)]]);
  gate.resolve("appended");
  await scene.clock.advance(100);
  assert.deepEqual(scene.appends.slice(1), [[apart(1), apart(2)]]);
  await scene.writer.close();
});

test("a range that continues one of the same piece joins it, and no other", async () => {
  const scene = new Scene();
  scene.add(range(100, 300), range(2000, 2100), range(300, 400), range(2100, 2101), range(400, 1000));
  scene.add(range(1000, 1500));
  await scene.clock.advance(100);
  assert.deepEqual(scene.appends, [[range(100, 1000), range(2000, 2101), range(1000, 1500)]]);
  await scene.writer.close();
});

test("42: a failure is reported once, and nothing is appended until the next checkpoint", async () => {
  const scene = new Scene();
  const failure = new Error("no space");
  scene.answer = () => Promise.reject(failure);
  scene.add(apart(0));
  await scene.clock.advance(100);
  scene.add(apart(1));
  await scene.clock.advance(1000);
  assert.deepEqual([scene.appends.length, scene.failures, scene.timesFull], [1, [failure], 0]);
  scene.answer = () => "appended";
  await scene.writer.renew((recent) => Promise.resolve(void recent()));
  scene.add(apart(2));
  await scene.clock.advance(100);
  assert.deepEqual(scene.appends.slice(1), [[apart(2)]]);
  await scene.writer.close();
});

test("a full journal requests a checkpoint, once", async () => {
  const scene = new Scene();
  scene.answer = () => "full";
  scene.add(apart(0));
  await scene.clock.advance(100);
  scene.add(apart(1));
  await scene.clock.advance(1000);
  assert.deepEqual([scene.appends.length, scene.timesFull, scene.failures], [1, 1, []]);
  await scene.writer.close();
});

test("no more than 16 thousand ranges wait for a disk that does not answer", async () => {
  const scene = new Scene();
  const gate = Promise.withResolvers<Appended>();
  scene.answer = () => gate.promise;
  scene.add(apart(0));
  await scene.clock.advance(100);
  for (let index = 1; index < 20_000; index++) scene.writer.add({ ...apart(0), start: 2 * index * PIECE });
  gate.resolve("appended");
  await settle();
  assert.equal(scene.appends[1]?.length, 16 * 1024);
  await scene.writer.close();
});

test("52: what comes while a checkpoint is saved goes to both journals", async () => {
  const scene = new Scene();
  scene.add(apart(0));
  let taken: readonly CheckedRange[] | undefined;
  await scene.writer.renew(async (recent) => {
    scene.add(apart(1));
    await scene.clock.advance(100);
    scene.add(apart(2));
    taken = recent();
    scene.add(apart(3));
  });
  await scene.clock.advance(200);
  assert.deepEqual(scene.appends, [[apart(0), apart(1)], [apart(3)]]);
  assert.deepEqual(taken, [apart(1), apart(2)]);
  await scene.writer.close();
});

test("a checkpoint that fails leaves the journal as it was", async () => {
  const scene = new Scene();
  const failing = scene.writer.renew(() => {
    scene.add(apart(0));
    return Promise.reject(new Error("no space"));
  });
  await assert.rejects(failing, /no space/);
  scene.add(apart(1));
  await scene.clock.advance(100);
  assert.deepEqual(scene.appends, [[apart(0), apart(1)]]);
  await scene.writer.close();
});

test("while it is suspended nothing is appended, and the next checkpoint has it", async () => {
  const scene = new Scene();
  scene.add(apart(0));
  let taken: readonly CheckedRange[] | undefined;
  await scene.writer.renew(async (recent) => {
    scene.writer.suspend();
    scene.add(apart(1));
    await scene.clock.advance(1000);
    taken = recent();
  });
  assert.deepEqual([scene.appends, taken], [[], [apart(1)]]);
  scene.add(apart(2));
  await scene.clock.advance(100);
  assert.deepEqual(scene.appends, [[apart(2)]]);
  await scene.writer.close();
});

test("43: after a drop nothing is appended any more", async () => {
  const scene = new Scene();
  scene.add(apart(0));
  await scene.writer.drop();
  scene.add(apart(1));
  await scene.clock.advance(1000);
  assert.deepEqual([scene.appends, scene.timesDropped, scene.clock.sleepers], [[], 1, 0]);
});

test("close() waits for a write, and leaves no timer", async () => {
  const scene = new Scene();
  const gate = Promise.withResolvers<Appended>();
  scene.answer = () => gate.promise;
  scene.add(apart(0));
  await scene.clock.advance(100);
  scene.add(apart(1));
  let isClosed = false;
  const closed = scene.writer.close().then(() => isClosed = true);
  await settle();
  assert.equal(isClosed, false);
  gate.resolve("appended");
  await closed;
  await scene.clock.advance(1000);
  assert.deepEqual([scene.appends.length, scene.clock.sleepers], [1, 0]);
});

test("a sink without a journal costs nothing", async () => {
  const clock = new VirtualClock();
  const never = () => assert.fail("there is nothing to report");
  const writer = new JournalWriter({
    ...{ clock, pieceSize: PIECE, journal: undefined },
    ...{ onFull: never, onFailure: never },
  });
  await writer.renew((recent) => {
    writer.add(apart(0));
    assert.deepEqual(recent(), []);
    return Promise.resolve();
  });
  writer.add(apart(1));
  await writer.drop();
  assert.equal(clock.sleeps, 0);
});
