import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressMeter } from "../../src/session/progress_meter.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

/** A meter that counts from the start of its clock. */
function start(): { clock: VirtualClock; meter: ProgressMeter } {
  const clock = new VirtualClock();
  return { clock, meter: new ProgressMeter(clock) };
}

/** Counts `bytes` every `everyMs` for `ms`. */
async function flow(
  { clock, meter }: ReturnType<typeof start>,
  bytes: number,
  everyMs: number,
  ms: number,
): Promise<void> {
  for (let passed = 0; passed < ms; passed += everyMs) {
    await clock.advance(everyMs);
    meter.add(bytes);
  }
}

function assertNear(actual: number, wanted: number, share = 0.03): void {
  assert.ok(Math.abs(actual - wanted) <= wanted * share, `${actual}, expected about ${wanted}`);
}

test("a new meter shows nothing", async () => {
  const { clock, meter } = start();
  assert.deepEqual([meter.downloaded, meter.fetched, meter.speed], [0, 0, 0]);
  await clock.advance(10_000);
  assert.equal(meter.speed, 0);
});

test("what came in no time has no speed yet", () => {
  const { meter } = start();
  meter.add(5000);
  assert.deepEqual([meter.downloaded, meter.fetched, meter.speed], [5000, 5000, 0]);
});

test("bytes of an earlier run are there, and were not fetched", async () => {
  const { clock, meter } = start();
  meter.restart(1_000_000);
  assert.deepEqual([meter.downloaded, meter.fetched, meter.speed], [1_000_000, 0, 0]);
  meter.add(500);
  await clock.advance(1000);
  assert.deepEqual([meter.downloaded, meter.fetched, meter.speed], [1_000_500, 500, 500]);
});

test("restarting forgets what was there, and not what was fetched", async () => {
  const it = start();
  await flow(it, 100, 100, 1000);
  it.meter.restart(0);
  assert.deepEqual([it.meter.downloaded, it.meter.fetched], [0, 1000]);
  it.meter.add(100);
  assert.deepEqual([it.meter.downloaded, it.meter.fetched], [100, 1100]);
});

for (
  const [bytes, everyMs] of [[10, 1], [1000, 50], [1_000_000, 100], [7777, 333], [5_000_000, 2500]] as const
) {
  test(`a steady flow of ${bytes} bytes every ${everyMs} ms has its speed`, async () => {
    const it = start();
    it.meter.add(0);
    await flow(it, bytes, everyMs, 20_000);
    // It is looked at just after something came, which may count for the whole window.
    const share = Math.max(0.03, everyMs / 5000);
    assertNear(it.meter.speed, bytes / everyMs * 1000, share);
  });
}

test("a change of speed shows wholly after the window of five seconds", async () => {
  const it = start();
  it.meter.add(0);
  await flow(it, 1000, 10, 10_000);
  assertNear(it.meter.speed, 100_000);
  await flow(it, 100, 10, 2500);
  assertNear(it.meter.speed, 55_000, 0.05);
  await flow(it, 100, 10, 2700);
  assertNear(it.meter.speed, 10_000, 0.05);
});

test("silence brings the speed to nothing", async () => {
  const it = start();
  await flow(it, 1000, 10, 10_000);
  const speeds: number[] = [];
  for (let tenth = 0; tenth < 53; tenth++) {
    await it.clock.advance(100);
    speeds.push(it.meter.speed);
  }
  assert.deepEqual(speeds, speeds.toSorted((a, b) => b - a));
  assertNear(speeds[24]!, 50_000, 0.05);
  assert.equal(speeds.at(-1), 0);
});

test("silence that nobody looked at leaves no old speed behind", async () => {
  const it = start();
  await flow(it, 1000, 10, 10_000);
  await it.clock.advance(60_000);
  assert.ok(it.meter.speed < 2000, `${it.meter.speed}`);
});

test("looking at the speed does not change it", async () => {
  const [seen, unseen] = [start(), start()];
  for (let step = 0; step < 1000; step++) {
    for (const { clock, meter } of [seen, unseen]) {
      await clock.advance(10);
      meter.add(step);
    }
    assert.ok(seen.meter.speed >= 0);
  }
  assert.equal(seen.meter.speed, unseen.meter.speed);
});

test("38: a jump of the wall clock changes nothing", async () => {
  const it = start();
  it.meter.add(0);
  await flow(it, 1000, 100, 2000);
  it.clock.jumpWall(-86_400_000);
  await flow(it, 1000, 100, 2000);
  assertNear(it.meter.speed, 10_000);
});
