import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lease, Scheduler } from "../../../src/plan/scheduler.ts";
import { LeaseDesk, type RequestLimits } from "../../../src/session/transfer/lease_desk.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const SIZE = 1_000_000;
const TWO: RequestLimits = { connections: 2, usesRanges: true, maxSegmentSize: Infinity };
/** So that two connections get one half each. */
const HALVES: RequestLimits = { ...TWO, maxSegmentSize: SIZE / 2 };

/** A desk for a file of `SIZE` bytes, of which nothing was fetched. */
class Scene {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly messages: string[] = [];
  readonly scheduler: Scheduler;
  readonly desk: LeaseDesk;

  constructor(minSegmentSize = 1000, isOpen = false) {
    const { clock, stop: { signal } } = this;
    const pieceSize = SIZE;
    const missing = [{ start: 0, end: SIZE }];
    this.scheduler = new Scheduler({ missing, minSegmentSize, pieceSize, isOpen });
    const log = (_level: string, message: string) => void this.messages.push(message);
    this.desk = new LeaseDesk({ clock, log, scheduler: this.scheduler, minSegmentSize, signal });
  }

  async take(limits: RequestLimits): Promise<Lease> {
    const lease = await this.desk.next(0, limits);
    assert.ok(lease !== undefined);
    return lease;
  }

  /** Two tracked leases, of which the first has the first half of the file. */
  takeHalves() {
    const first = this.scheduler.leaseCovered({ start: 0, end: SIZE / 2 });
    const second = this.scheduler.leaseCovered({ start: SIZE / 2, end: SIZE });
    assert.ok(first !== undefined && second !== undefined);
    return [this.desk.track(first), this.desk.track(second)] as const;
  }
}

const rangeOf = ({ start, end }: Lease) => [start, end];

test("leases ascend, and none is longer than the server allows", async () => {
  const scene = new Scene();
  const limits = { ...TWO, maxSegmentSize: 1500 };
  assert.deepEqual(rangeOf(await scene.take(limits)), [0, 1500]);
  assert.deepEqual(rangeOf(await scene.take(limits)), [1500, 3000]);
});

test("a request for the whole file is not limited by the length of ranges", async () => {
  const limits = { connections: 1, usesRanges: false, maxSegmentSize: 1500 };
  assert.deepEqual(rangeOf(await new Scene().take(limits)), [0, SIZE]);
});

test("leases are longer where a request takes long", async () => {
  const bytesOf = async (requestMs: readonly number[]) => {
    const { desk } = new Scene();
    for (const ms of requestMs) desk.noteRequest(ms);
    const lease = await desk.next(10_000, { ...TWO, connections: 10 });
    return lease!.end - lease!.start;
  };
  // Two seconds of the rate, or eight times what a request takes: the mean of all, where the latest counts a quarter.
  assert.equal(await bytesOf([]), 20_000);
  assert.equal(await bytesOf([500]), 40_000);
  assert.equal(await bytesOf([500, 900]), 48_000);
});

test("one that finds no lease waits for a released one, and gets what is missing of it", async () => {
  const scene = new Scene();
  const [first] = scene.takeHalves();
  let next: Lease | undefined;
  const waiting = scene.desk.next(0, { ...TWO, connections: 1 }).then((lease) => next = lease);
  await settle();
  assert.equal(next, undefined);
  scene.scheduler.deliver(first.lease, 100);
  scene.desk.release(first);
  await waiting;
  assert.deepEqual(rangeOf(next!), [100, SIZE / 2]);
});

test("everything is delivered: whoever waits gets nothing, and `done` is aborted", async () => {
  const scene = new Scene();
  const halves = scene.takeHalves();
  const waiting = Promise.all([scene.desk.next(0, HALVES), scene.desk.next(0, HALVES)]);
  for (const half of halves) {
    assert.equal(scene.desk.done.aborted, false);
    scene.scheduler.deliver(half.lease, SIZE / 2);
    scene.desk.release(half);
  }
  assert.deepEqual(await waiting, [undefined, undefined]);
  assert.equal(scene.desk.done.aborted, true);
  assert.equal(scene.clock.sleepers, 0);
  assert.equal(await scene.desk.next(0, HALVES), undefined);
});

test("the transfer ends early: nobody gets a lease, and whoever waits is told why", async () => {
  const scene = new Scene();
  const [first] = scene.takeHalves();
  const waiting = scene.desk.next(0, HALVES);
  const reason = new Error("stopped");
  scene.stop.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(scene.desk.next(0, HALVES), reason);
  assert.equal(first.signal.reason, reason);
  assert.equal(scene.clock.sleepers, 0);
});

/** Delivers from both halves for two seconds: a lot from the first, and little from the second. */
async function deliverUnevenly(scene: Scene, slowBytes: number) {
  const halves = scene.takeHalves();
  for (let step = 0; step < 4; step++) {
    await scene.clock.advance(500);
    for (const [index, half] of halves.entries()) {
      scene.scheduler.deliver(half.lease, index === 0 ? 100_000 : slowBytes);
      half.noteBytes();
    }
  }
  return halves;
}

test("an idle connection takes over the rest of the slowest lease, so that both end together", async () => {
  const scene = new Scene();
  const [, slow] = await deliverUnevenly(scene, 10_000);
  // 460 000 bytes are missing of it; it has 20 000 bytes a second, and the idle one nine times that.
  const rest = await scene.desk.next(180_000, HALVES);
  assert.deepEqual(rangeOf(rest!), [slow.position + 46_000, SIZE]);
  assert.deepEqual([slow.end, slow.lease.active, slow.signal.aborted], [slow.position + 46_000, true, false]);
  assert.deepEqual(scene.messages, [`another connection takes over at byte ${rest!.start}`]);
});

test("a lease that hardly moves is taken over completely, and its request is aborted", async () => {
  const scene = new Scene();
  const [, slow] = await deliverUnevenly(scene, 1);
  const rest = await scene.desk.next(180_000, HALVES);
  assert.deepEqual(rangeOf(rest!), [slow.position, SIZE]);
  assert.deepEqual([slow.lease.active, slow.signal.aborted], [false, true]);
});

test("what was taken over is left alone for twice as long as the lease before it", async () => {
  const scene = new Scene();
  const [, slow] = scene.takeHalves();
  await scene.clock.advance(500);
  const rest = await scene.desk.next(180_000, HALVES);
  assert.deepEqual(rangeOf(rest!), [0, SIZE / 2]);
  assert.equal(scene.desk.track(rest!).patienceMs, 2 * slow.patienceMs);
});

test("a request may take three times as long as the slowest one so far before it counts as stuck", async () => {
  const scene = new Scene();
  const [first] = scene.takeHalves();
  await scene.clock.advance(700);
  scene.scheduler.deliver(first.lease, 1);
  first.noteBytes();
  scene.desk.release(first);
  const next = scene.desk.track(await scene.take(HALVES));
  assert.equal(next.patienceMs, 3 * 700);
  await scene.clock.advance(2099);
  assert.equal(next.isMeasured, false);
  await scene.clock.advance(1);
  assert.equal(next.isMeasured, true);
});

test("whoever waits checks regularly whether another one needs help", async () => {
  const scene = new Scene();
  scene.takeHalves();
  let rest: Lease | undefined;
  const waiting = scene.desk.next(180_000, HALVES).then((lease) => rest = lease);
  await scene.clock.advance(499);
  assert.equal(rest, undefined);
  await scene.clock.advance(1);
  await waiting;
  assert.ok(rest !== undefined);
});

test("without ranges nothing is taken over", async () => {
  const scene = new Scene();
  await deliverUnevenly(scene, 1);
  let isOver = false;
  const waiting = scene.desk.next(180_000, { ...HALVES, usesRanges: false }).catch(() => isOver = true);
  await scene.clock.advance(60_000);
  assert.equal(isOver, false);
  assert.deepEqual(scene.messages, []);
  scene.stop.abort();
  await waiting;
});

test("a failure counts while the lease is active, and its rest is missing again", async () => {
  const scene = new Scene();
  const lease = await scene.take(HALVES);
  const failure = new Error("broken");
  const work = () => {
    scene.scheduler.deliver(lease, 10);
    return Promise.reject(failure);
  };
  await assert.rejects(scene.desk.whileTracked(lease, work), failure);
  assert.equal(lease.active, false);
  assert.equal((await scene.take(HALVES)).start, 10);
});

test("a failure does not count where another connection took the lease over", async () => {
  const scene = new Scene();
  const lease = await scene.take(HALVES);
  await scene.desk.whileTracked(lease, () => {
    scene.scheduler.split(lease, 0);
    return Promise.reject(new Error("aborted"));
  });
});

test("a failure counts where the transfer has ended", async () => {
  const scene = new Scene();
  const lease = await scene.take(HALVES);
  const failure = new Error("aborted");
  const work = () => {
    scene.scheduler.split(lease, 0);
    scene.stop.abort();
    return Promise.reject(failure);
  };
  await assert.rejects(scene.desk.whileTracked(lease, work), failure);
});

test("one that waits gets what turns out to be missing, and nothing once no more can", async () => {
  const scene = new Scene(1, true);
  const halves = scene.takeHalves();
  for (const half of halves) {
    scene.scheduler.deliver(half.lease, SIZE / 2);
    scene.desk.release(half);
  }
  const waiting = scene.desk.next(0, { ...TWO, connections: 1 });
  await settle();
  assert.equal(scene.desk.done.aborted, false);
  scene.desk.add({ start: 10, end: 20 });
  const found = (await waiting)!;
  assert.deepEqual(rangeOf(found), [10, 20]);
  const active = scene.desk.track(found);
  scene.scheduler.deliver(found, 10);
  scene.desk.release(active);
  const last = scene.desk.next(0, HALVES);
  scene.desk.close();
  assert.deepEqual([await last, scene.desk.done.aborted], [undefined, true]);
});
