import assert from "node:assert/strict";
import { test } from "node:test";
import { Watchdog } from "../../src/http/watchdog.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";

/** A watchdog, and the times at which it called. */
function watch(): { clock: VirtualClock; watchdog: Watchdog; expired: number[] } {
  const clock = new VirtualClock();
  const expired: number[] = [];
  return { clock, watchdog: new Watchdog(clock, () => expired.push(clock.monotonicMs())), expired };
}

test("a watchdog that was never armed does nothing", async () => {
  const { clock, expired } = watch();
  await clock.advance(1e9);
  assert.deepEqual([expired, clock.sleepers], [[], 0]);
});

test("an armed one calls once, when its time is over", async () => {
  const { clock, watchdog, expired } = watch();
  await clock.advance(50);
  watchdog.arm(1000);
  await clock.advance(999);
  assert.deepEqual(expired, []);
  await clock.advance(100_000);
  assert.deepEqual([expired, clock.sleepers], [[1050], 0]);
});

test("arming it again puts the end off", async () => {
  const { clock, watchdog, expired } = watch();
  for (let read = 0; read < 50; read++) {
    watchdog.arm(1000);
    await clock.advance(900);
  }
  assert.deepEqual(expired, []);
  await clock.advance(100);
  assert.deepEqual(expired, [45_100]);
});

test("arming it for less than before brings the end forward", async () => {
  const { clock, watchdog, expired } = watch();
  watchdog.arm(30_000);
  await clock.advance(10);
  watchdog.arm(200);
  await clock.advance(200);
  assert.deepEqual(expired, [210]);
});

test("one that was disarmed can be armed for less than before", async () => {
  const { clock, watchdog, expired } = watch();
  watchdog.arm(30_000);
  await clock.advance(10);
  watchdog.disarm();
  await clock.advance(10);
  watchdog.arm(200);
  await clock.advance(100_000);
  assert.deepEqual([expired, clock.sleepers], [[220], 0]);
});

test("a disarmed one does not call, and can be armed again at any time", async () => {
  const { clock, watchdog, expired } = watch();
  watchdog.arm(1000);
  await clock.advance(500);
  watchdog.disarm();
  await clock.advance(100_000);
  assert.deepEqual([expired, clock.sleepers], [[], 0]);
  watchdog.arm(1000);
  await clock.advance(1000);
  assert.deepEqual(expired, [101_500]);
});

test("one timer runs behind any number of armings, and it is not set for each", async () => {
  const { clock, watchdog } = watch();
  for (let read = 0; read < 100; read++) {
    watchdog.arm(1000);
    await clock.advance(1);
    assert.equal(clock.sleepers, 1);
    watchdog.disarm();
  }
  assert.equal(clock.sleeps, 1);
  for (let read = 0; read < 100; read++) {
    watchdog.arm(500 - read);
    assert.equal(clock.sleepers, 1);
  }
});

test("one that is stopped when its time is just over does not call", async () => {
  const { promise: slept, resolve: wake } = Promise.withResolvers<void>();
  const watchdog = new Watchdog(
    { monotonicMs: () => 0, wallMs: () => 0, sleep: () => slept },
    () => assert.fail("it was stopped"),
  );
  watchdog.arm(0);
  wake();
  watchdog.stop();
  await settle();
});

test("a stopped one has no timer and never calls again", async () => {
  const { clock, watchdog, expired } = watch();
  watchdog.arm(1000);
  await clock.advance(1);
  watchdog.stop();
  assert.equal(clock.sleepers, 0);
  watchdog.arm(1000);
  watchdog.arm(10);
  await clock.advance(100_000);
  assert.deepEqual([expired, clock.sleepers], [[], 0]);
});

test("38: a jump of the wall clock changes nothing", async () => {
  const { clock, watchdog, expired } = watch();
  watchdog.arm(1000);
  clock.jumpWall(86_400_000);
  await clock.advance(999);
  clock.jumpWall(-3 * 86_400_000);
  assert.deepEqual(expired, []);
  await clock.advance(1);
  assert.deepEqual(expired, [1000]);
});

test("it never sleeps for less than nothing, also where the deadline passes while it looks", async () => {
  const sleeps: number[] = [];
  let nowMs = 0;
  const expired = Promise.withResolvers<void>();
  const watchdog = new Watchdog(
    {
      // Every look at the clock takes a millisecond.
      monotonicMs: () => nowMs++,
      wallMs: () => 0,
      sleep: (ms) => {
        sleeps.push(ms);
        return Promise.resolve();
      },
    },
    () => expired.resolve(),
  );
  watchdog.arm(0);
  await expired.promise;
  assert.ok(sleeps.every((ms) => ms >= 0), `slept for ${sleeps} ms`);
});
