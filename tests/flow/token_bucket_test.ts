import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit, TokenBucket } from "../../src/flow/token_bucket.ts";
import { countListeners } from "../helpers/listeners.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const RATE = 1_000_000;
const TAKE = 16_384;
const never = (): AbortSignal => new AbortController().signal;

/** Takes again and again until `signal` is aborted; returns a function that tells how much it has got. */
function takeOn(bucket: TokenBucket, signal: AbortSignal, bytes = TAKE): () => number {
  let total = 0;
  const run = async () => {
    for (;;) {
      await bucket.take(bytes, signal);
      total += bytes;
    }
  };
  run().catch(() => {});
  return () => total;
}

function assertNear(actual: number, wanted: number): void {
  assert.ok(Math.abs(actual / wanted - 1) <= 0.01, `${actual} is not within 1 % of ${wanted}`);
}

/** Whether `promise` is settled, given that nothing but time could settle it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await settle();
  return settled;
}

for (const takers of [1, 8]) {
  test(`the rate is kept within 1 % over 5 s by ${takers} takers`, async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, RATE);
    const stop = new AbortController();
    const totals = Array.from({ length: takers }, () => takeOn(bucket, stop.signal));
    await clock.advance(5000);
    const got = totals.map((total) => total());
    assertNear(got.reduce((sum, bytes) => sum + bytes, 0), 5 * RATE);
    assert.ok(Math.max(...got) - Math.min(...got) <= TAKE, `all get the same: ${got}`);
    stop.abort();
    await settle();
    assert.equal(clock.sleepers, 0);
  });
}

test("odd rates and sizes are kept, too", async () => {
  for (const [rate, bytes] of [[777, 3], [123_457, 1021], [90_000_000, 65_536]] as const) {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const total = takeOn(new TokenBucket(clock, rate), stop.signal, bytes);
    await clock.advance(5000);
    assertNear(total(), 5 * rate);
    stop.abort();
  }
});

test("who comes first is served first, whatever it asks for", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  const served: string[] = [];
  for (const [name, bytes] of [["a", 500], ["b", 900], ["c", 1], ["d", 300]] as const) {
    bucket.take(bytes, never()).then(() => served.push(`${name} ${clock.monotonicMs()}`));
  }
  await clock.advance(3000);
  assert.deepEqual(served, ["a 0", "b 500", "c 1400", "d 1401"]);
});

test("one timer wakes those who wait, once for each", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  const takes = [1, 2, 3].map(() => bucket.take(5000, never()));
  await clock.advance(4999);
  assert.deepEqual([clock.sleeps, clock.sleepers], [1, 1]);
  await clock.advance(5001);
  await Promise.all(takes);
  assert.deepEqual([clock.sleeps, clock.sleepers], [2, 0]);
});

test("nobody stays on a signal after the wait", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const takes = [1, 2, 3].map(() => bucket.take(100, signal));
  assert.equal(listeners(), 2);
  await clock.advance(1000);
  await Promise.all(takes);
  assert.equal(listeners(), 0);
});

test("a pause earns no more than a twentieth of a second", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  await clock.advance(60_000);
  const stop = new AbortController();
  const total = takeOn(bucket, stop.signal, 10);
  await settle();
  assert.equal(total(), 60, "50 that were earned, and the one that is let through on credit");
  await clock.advance(1000);
  assert.equal(total(), 1060);
  stop.abort();
});

test("a new rate takes effect at once, also for those who wait", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  await bucket.take(10_000, never());
  const waiting = bucket.take(1, never());
  await clock.advance(1000);
  assert.equal(await isSettled(waiting), false, "9 s to go");
  bucket.bytesPerSecond = 9000;
  assert.equal(bucket.bytesPerSecond, 9000);
  await clock.advance(999);
  assert.equal(await isSettled(waiting), false);
  await clock.advance(1);
  assert.equal(await isSettled(waiting), true);

  const stop = new AbortController();
  const total = takeOn(bucket, stop.signal, 100);
  bucket.bytesPerSecond = 2000;
  await clock.advance(5000);
  assertNear(total(), 10_000);
  stop.abort();
});

test("0 is no limit, lets everybody through, and leaves no debt behind", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  await bucket.take(10_000, never());
  const waits = [bucket.take(10_000, never()), bucket.take(10_000, never())];
  bucket.bytesPerSecond = 0;
  await Promise.all(waits);
  for (let index = 0; index < 10; index++) await bucket.take(1e9, never());
  assert.deepEqual([bucket.sliceSize, clock.sleepers], [Infinity, 0]);

  bucket.bytesPerSecond = 1000;
  assert.equal(await isSettled(bucket.take(100, never())), true);
  const next = bucket.take(100, never());
  await clock.advance(99);
  assert.equal(await isSettled(next), false);
  await clock.advance(1);
  assert.equal(await isSettled(next), true);
});

test("80: an abort leaves no waiter and no timer, and the others go on", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 1000);
  await bucket.take(1000, never());
  const stop = new AbortController();
  const stopped = bucket.take(500_000, stop.signal);
  const next = bucket.take(1, never());
  await clock.advance(500);
  stop.abort(new Error("enough"));
  await assert.rejects(stopped, /^Error: enough$/);
  await clock.advance(499);
  assert.equal(await isSettled(next), false);
  await clock.advance(1);
  assert.equal(await isSettled(next), true, "what was never let through is not paid for");
  assert.equal(clock.sleepers, 0);

  await clock.advance(1);
  const again = new AbortController();
  await bucket.take(1000, again.signal);
  const last = bucket.take(1, again.signal);
  assert.equal(clock.sleepers, 1);
  again.abort(new Error("all"));
  await assert.rejects(last, /^Error: all$/);
  assert.equal(clock.sleepers, 0);
});

test("80: a signal that is aborted already gets nothing", async () => {
  const bucket = new TokenBucket(new VirtualClock(), 1000);
  await assert.rejects(bucket.take(1000, AbortSignal.abort(new Error("before"))), /^Error: before$/);
  assert.equal(await isSettled(bucket.take(1, never())), true, "nothing was spent");
});

test("38: a jump of the wall clock changes nothing", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const total = takeOn(new TokenBucket(clock, RATE), stop.signal);
  await clock.advance(2500);
  clock.jumpWall(-86_400_000);
  await clock.advance(2500);
  assertNear(total(), 5 * RATE);
  stop.abort();
});

test("a slice is a twentieth of a second, and never nothing", () => {
  const bucket = new TokenBucket(new VirtualClock(), RATE);
  assert.equal(bucket.sliceSize, 50_000);
  bucket.bytesPerSecond = 1;
  assert.equal(bucket.sliceSize, 1);
});

/** Sends `chunks` through the limit and collects what comes out. */
function passThrough(limit: RateLimit, chunks: readonly Uint8Array<ArrayBuffer>[], signal = never()) {
  const out: Uint8Array[] = [];
  const holds: boolean[] = [];
  const transform = limit.transform(signal, (held) => holds.push(held));
  const done = ReadableStream.from(chunks).pipeThrough(transform).pipeTo(
    new WritableStream({ write: (chunk) => void out.push(chunk) }),
  );
  done.catch(() => {});
  const length = () => out.reduce((sum, chunk) => sum + chunk.length, 0);
  return { out, holds, done, length };
}

test("transform() cuts chunks into slices and keeps every byte in order", async () => {
  const clock = new VirtualClock();
  const limit = new RateLimit(new TokenBucket(clock, 2000));
  assert.equal(limit.isSet, true);
  const chunk = Uint8Array.from({ length: 250 }, (_, index) => index);
  const { out, holds, done } = passThrough(limit, [chunk, chunk.subarray(0, 30)]);
  await clock.advance(1000);
  await done;
  assert.deepEqual(out.map(({ length }) => length), [100, 100, 50, 30]);
  assert.deepEqual(out.flatMap((slice) => [...slice]), [...chunk, ...chunk.subarray(0, 30)]);
  assert.deepEqual(holds, [true, false, true, false]);
  assert.equal(clock.sleepers, 0);
});

test("transform() keeps the rate of the slowest limit, and follows its changes", async () => {
  const clock = new VirtualClock();
  const [own, shared] = [new TokenBucket(clock, 2 * RATE), new TokenBucket(clock, RATE)];
  const chunks = Array.from({ length: 400 }, () => new Uint8Array(65_536));
  const { length, done, out } = passThrough(new RateLimit(own, shared), chunks);
  await clock.advance(5000);
  assert.ok(out.every((slice) => slice.length <= shared.sliceSize));
  assert.ok(Math.abs(length() - 5 * RATE) <= 2 * shared.sliceSize, `${length()} bytes in 5 s`);
  const before = length();
  shared.bytesPerSecond = 0;
  await clock.advance(5000);
  assert.ok(
    Math.abs(length() - before - 10 * RATE) <= 2 * own.sliceSize,
    `${length() - before} bytes in 5 s`,
  );
  own.bytesPerSecond = 0;
  await clock.advance(10);
  await done;
  assert.equal(length(), 400 * 65_536);
});

test("transform() ends with the signal's reason", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const { done, out } = passThrough(
    new RateLimit(new TokenBucket(clock, 1000)),
    [new Uint8Array(5000)],
    stop.signal,
  );
  await clock.advance(100);
  assert.equal(out.length, 3);
  stop.abort(new Error("enough"));
  await assert.rejects(done, /^Error: enough$/);
  assert.equal(clock.sleepers, 0);
});

test("a limit of which no part is set stands in nobody's way", async () => {
  const clock = new VirtualClock();
  const limit = new RateLimit(new TokenBucket(clock, 0), new TokenBucket(clock, 0));
  assert.equal(limit.isSet, false);
  const { out, done } = passThrough(limit, [new Uint8Array(1_000_000)]);
  await done;
  assert.deepEqual(out.map(({ length }) => length), [1_000_000]);
  assert.equal(new RateLimit(new TokenBucket(clock, 0), new TokenBucket(clock, 1)).isSet, true);
});
