import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lease, Scheduler, type SchedulerOptions } from "../../src/plan/scheduler.ts";
import type { ByteRange } from "../../src/types.ts";
import { seededRandom } from "../../testing/content.ts";

const range = (start: number, end: number): ByteRange => ({ start, end });

/** A scheduler of pieces of 100 bytes, in segments of at least 10. */
function schedule(missing: readonly ByteRange[], options: Partial<SchedulerOptions> = {}): Scheduler {
  return new Scheduler({ missing, minSegmentSize: 10, pieceSize: 100, ...options });
}

/** Takes a lease that has to be there, as one of two connections. */
function take(scheduler: Scheduler, connections = 2): Lease {
  const lease = scheduler.lease(0, connections);
  assert.ok(lease !== undefined, "there is a lease to be had");
  return lease;
}

const bounds = ({ start, end }: Lease): [number, number] => [start, end];

test("nothing missing is done at once", () => {
  const scheduler = schedule([]);
  assert.deepEqual([scheduler.isDone, scheduler.hasPending, scheduler.lease(0, 4)], [true, false, undefined]);
});

test("the lowest offset goes first, across gaps", () => {
  const scheduler = schedule([range(50, 250), range(500, 520), range(700, 900)]);
  const leases: [number, number][] = [];
  for (let lease = scheduler.lease(0, 2); lease !== undefined; lease = scheduler.lease(0, 2)) {
    leases.push(bounds(lease));
  }
  assert.deepEqual(leases[0], [50, 150]);
  assert.deepEqual(leases, leases.toSorted(([a], [b]) => a - b));
  assert.deepEqual([scheduler.hasPending, scheduler.isDone], [false, false]);
  assert.equal(scheduler.activeLeases, leases.length);
});

test("a lease never spans a gap", () => {
  const scheduler = schedule([range(0, 20), range(30, 1000)]);
  assert.deepEqual(bounds(take(scheduler)), [0, 20]);
  assert.deepEqual(bounds(take(scheduler)), [30, 130]);
});

test("a lone connection gets everything up to the next gap", () => {
  const scheduler = schedule([range(0, 5000), range(6000, 7000)]);
  assert.deepEqual(bounds(take(scheduler, 1)), [0, 5000]);
  assert.deepEqual(bounds(take(scheduler, 1)), [6000, 7000]);
});

test("what was given back goes first again, from the byte reached", () => {
  const scheduler = schedule([range(0, 1000)]);
  const first = take(scheduler);
  const second = take(scheduler);
  assert.equal(scheduler.deliver(first, 40), 40);
  scheduler.giveBack(first);
  scheduler.giveBack(second);
  assert.deepEqual(bounds(take(scheduler)), [40, 100]);
  assert.deepEqual(bounds(take(scheduler)), [100, 200]);
  assert.deepEqual(bounds(take(scheduler)), [200, 300]);
});

test("a lease that delivered everything gives nothing back", () => {
  const scheduler = schedule([range(0, 60)]);
  const lease = take(scheduler, 1);
  assert.equal(scheduler.deliver(lease, 60), 60);
  assert.equal(scheduler.isDone, false);
  scheduler.giveBack(lease);
  assert.deepEqual([scheduler.isDone, scheduler.hasPending, scheduler.activeLeases], [true, false, 0]);
});

test("bytes beyond the end of a lease do not count", () => {
  const scheduler = schedule([range(0, 1000)]);
  const lease = take(scheduler);
  assert.equal(scheduler.deliver(lease, 70), 70);
  assert.equal(scheduler.deliver(lease, 70), 30);
  assert.equal(scheduler.deliver(lease, 70), 0);
  assert.equal(lease.position, 100);
});

test("82: late bytes of a lost lease do not count", () => {
  const scheduler = schedule([range(0, 1000)]);
  const lost = take(scheduler);
  scheduler.deliver(lost, 10);
  scheduler.giveBack(lost);
  const next = take(scheduler);
  assert.deepEqual([lost.active, next.active], [false, true]);
  assert.equal(scheduler.deliver(lost, 50), 0);
  assert.deepEqual([lost.position, next.position], [10, 10]);
  scheduler.giveBack(lost);
  scheduler.endOfData(lost);
  assert.deepEqual([scheduler.activeLeases, next.active, bounds(take(scheduler))], [1, true, [100, 200]]);
});

test("leaseCovered() takes what a response covers, if something is missing from its start on", () => {
  const scheduler = schedule([range(0, 1000), range(2000, 3000)]);
  assert.equal(scheduler.leaseCovered(range(1, 500)), undefined);
  assert.equal(scheduler.leaseCovered(range(1000, 2500)), undefined);
  assert.equal(scheduler.leaseCovered(range(0, 0)), undefined);
  const covered = scheduler.leaseCovered(range(0, 333));
  assert.deepEqual(covered && bounds(covered), [0, 333]);
  const beyond = scheduler.leaseCovered(range(333, 5000));
  assert.deepEqual(beyond && bounds(beyond), [333, 1000]);
  assert.equal(scheduler.leaseCovered(range(0, 333)), undefined);
  assert.deepEqual(bounds(take(scheduler, 1)), [2000, 3000]);
  assert.equal(scheduler.leaseCovered(range(3000, 3001)), undefined);
});

test("131 leaseCovered() takes what is not missing first, and leaves what is before it to others", () => {
  const scheduler = schedule([range(0, 100), range(2000, 3000), range(4000, 5000)]);
  const covered = scheduler.leaseCovered(range(2000, 2500));
  assert.deepEqual(covered && bounds(covered), [2000, 2500]);
  const all: [number, number][] = [];
  for (let lease = scheduler.lease(0, 1); lease !== undefined; lease = scheduler.lease(0, 1)) {
    all.push(bounds(lease));
  }
  assert.deepEqual(all, [[0, 100], [2500, 3000], [4000, 5000]]);
  assert.ok(covered !== undefined);
  scheduler.deliver(covered, 200);
  scheduler.giveBack(covered);
  assert.deepEqual(bounds(take(scheduler, 1)), [2200, 2500]);
});

test("leaseCovered() of a response without an end takes a run of what is missing, and of a file without one", () => {
  const known = schedule([range(0, 1000)]).leaseCovered(range(0, Infinity));
  assert.deepEqual(known && bounds(known), [0, 1000]);
  const scheduler = schedule([range(0, Infinity)]);
  const unknown = scheduler.leaseCovered(range(0, Infinity));
  assert.deepEqual(unknown && bounds(unknown), [0, Infinity]);
  assert.equal(scheduler.hasPending, false);
});

test("92 no lease is above the most that one request may ask for", () => {
  for (const connections of [1, 2, 5]) {
    const scheduler = schedule([range(0, 1000), range(2000, 2005)]);
    const lengths: number[] = [];
    for (;;) {
      const lease = scheduler.lease(1e9, connections, 10, 70);
      if (lease === undefined) break;
      lengths.push(lease.end - lease.start);
    }
    assert.ok(Math.max(...lengths) <= 70, lengths.join());
    assert.equal(lengths.reduce((sum, it) => sum + it), 1005);
  }
});

test("endOfData() ends a lease where its data ended", () => {
  const scheduler = schedule([range(0, Infinity)]);
  const lease = take(scheduler, 1);
  assert.deepEqual(bounds(lease), [0, Infinity]);
  assert.equal(scheduler.deliver(lease, 12_345), 12_345);
  scheduler.endOfData(lease);
  assert.deepEqual([scheduler.isDone, lease.active, lease.end], [true, false, 12_345]);
});

test("a lease without an end can be given back and taken again", () => {
  const scheduler = schedule([range(0, Infinity)]);
  const first = take(scheduler, 1);
  scheduler.deliver(first, 500);
  scheduler.giveBack(first);
  assert.deepEqual(bounds(take(scheduler, 1)), [500, Infinity]);
});

test("restart() forgets every lease", () => {
  const scheduler = schedule([range(0, 1000)]);
  const old = take(scheduler);
  scheduler.deliver(old, 40);
  scheduler.restart([range(0, 300), range(500, 600)]);
  assert.deepEqual([old.active, scheduler.activeLeases, scheduler.isDone], [false, 0, false]);
  assert.equal(scheduler.deliver(old, 10), 0);
  scheduler.giveBack(old);
  assert.deepEqual(bounds(take(scheduler, 1)), [0, 300]);
  assert.deepEqual(bounds(take(scheduler, 1)), [500, 600]);
  scheduler.restart([]);
  assert.equal(scheduler.isDone, true);
});

test("segments shrink towards the end, down to the least", () => {
  const scheduler = schedule([range(0, 100_000)], { pieceSize: 20_000 });
  const sizes: number[] = [];
  for (let lease = scheduler.lease(1e9, 4); lease !== undefined; lease = scheduler.lease(1e9, 4)) {
    sizes.push(lease.end - lease.start);
    scheduler.deliver(lease, Infinity);
    scheduler.giveBack(lease);
  }
  assert.equal(sizes[0], 12_500);
  assert.deepEqual(sizes.slice(0, -1), sizes.slice(0, -1).toSorted((a, b) => b - a));
  assert.ok(sizes.every((size) => size >= 10));
  assert.ok(sizes.at(-1)! < 20, "the last one is at most twice the least");
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 100_000);
});

test("a share is one of all bytes that are still to come, wherever they are and whoever has them", () => {
  const scheduler = schedule([range(1000, 5000), range(9000, 13_000)], { pieceSize: 8000 });
  const leases = Array.from({ length: 4 }, () => take(scheduler, 4));
  assert.deepEqual(leases.map(bounds), [[1000, 2000], [2000, 3000], [3000, 4000], [4000, 5000]]);
  scheduler.deliver(leases[0]!, 400);
  assert.deepEqual(bounds(take(scheduler, 4)), [9000, 9950]);
  for (const lease of leases) scheduler.giveBack(lease);
  assert.deepEqual(bounds(take(scheduler, 4)), [1400, 2000]);
  scheduler.restart([range(2000, 6000)]);
  assert.deepEqual(bounds(take(scheduler, 4)), [2000, 2500]);
  const covered = scheduler.leaseCovered(range(2500, 3000));
  assert.deepEqual(covered && bounds(covered), [2500, 3000]);
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`every byte is delivered exactly once, whatever is given back (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const size = 3000 + below(3000);
    const missing: ByteRange[] = [];
    for (let start = below(50); start < size; start = missing.at(-1)!.end + 1 + below(300)) {
      missing.push(range(start, Math.min(size, start + 1 + below(900))));
    }
    const connections = 1 + below(6);
    const scheduler = schedule(missing, { minSegmentSize: 1 + below(40), pieceSize: 1 + below(200) });
    const delivered = new Uint8Array(size);
    const held: Lease[] = [];
    const lost: Lease[] = [];
    const endLease = (lease: Lease): void => {
      scheduler.giveBack(lease);
      held.splice(held.indexOf(lease), 1);
      lost.push(lease);
      lost.splice(0, lost.length - 20);
    };
    for (let step = 0; !scheduler.isDone; step++) {
      assert.ok(step < 100_000, "it comes to an end");
      const action = random();
      const lease = held[below(held.length)];
      if (lease === undefined || (action < 0.3 && held.length < connections)) {
        const taken = scheduler.lease(random() * 500, connections);
        if (taken !== undefined) held.push(taken);
        else assert.equal(scheduler.hasPending, false);
      } else if (action < 0.85) {
        const { position } = lease;
        const accepted = scheduler.deliver(lease, 1 + below(120));
        for (let at = position; at < position + accepted; at++) delivered[at]!++;
        assert.equal(lease.position, position + accepted);
        if (lease.position === lease.end) endLease(lease);
      } else if (action < 0.98) {
        endLease(lease);
      } else if (random() < 0.1) {
        scheduler.restart(missing);
        delivered.fill(0);
        lost.push(...held.splice(0));
      }
      for (const late of lost) assert.equal(scheduler.deliver(late, 10), 0);
    }

    assert.equal(held.length, 0);
    for (let at = 0; at < size; at++) {
      const wanted = missing.some(({ start, end }) => start <= at && at < end) ? 1 : 0;
      if (delivered[at] !== wanted) assert.equal(delivered[at], wanted, `byte ${at}`);
    }
  });
}

test("while more may turn out to be missing, nothing is done", () => {
  const scheduler = schedule([range(0, 100)], { isOpen: true });
  const lease = take(scheduler, 1);
  scheduler.deliver(lease, 100);
  scheduler.giveBack(lease);
  assert.deepEqual([scheduler.isIdle, scheduler.isDone, scheduler.hasPending], [true, false, false]);
  scheduler.add(range(500, 600));
  assert.deepEqual([scheduler.isIdle, scheduler.hasPending], [false, true]);
  scheduler.close();
  assert.equal(scheduler.isDone, false);
  const last = take(scheduler, 1);
  assert.deepEqual(bounds(last), [500, 600]);
  scheduler.deliver(last, 100);
  scheduler.giveBack(last);
  assert.ok(scheduler.isDone);
});

test("what turns out to be missing goes in its order, and joins what ends where it starts", () => {
  const scheduler = schedule([range(800, 900)], { isOpen: true });
  for (const start of [100, 200, 300, 600]) scheduler.add(range(start, start + 100));
  const leases: [number, number][] = [];
  while (scheduler.hasPending) leases.push(bounds(take(scheduler, 1)));
  assert.deepEqual(leases, [[100, 400], [600, 700], [800, 900]]);
});
