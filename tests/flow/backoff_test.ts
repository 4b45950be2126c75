import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, RetryBudget, type RetryPolicy } from "../../src/flow/backoff.ts";
import { seededRandom } from "../../testing/content.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const POLICY: RetryPolicy = {
  maxRetries: 5,
  retryBaseDelayMs: 1000,
  retryMaxDelayMs: 30_000,
  maxRetryElapsedMs: Infinity,
};
const CEILINGS = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];

/** The greatest number that a source of random numbers gives. */
const ALMOST_ONE = 1 - 2 ** -53;

test("40: full jitter reaches from nothing to a ceiling that doubles up to the longest delay", () => {
  for (const [attempt, ceiling] of CEILINGS.entries()) {
    assert.equal(backoffMs(POLICY, attempt, 0, () => 0), 0);
    assert.equal(backoffMs(POLICY, attempt, 0, () => 0.5), ceiling / 2);
    const longest = backoffMs(POLICY, attempt, 0, () => ALMOST_ONE);
    assert.ok(longest > ceiling * 0.999 && longest <= ceiling, `${longest} of ${ceiling}`);
  }
});

test("40: jitter spreads evenly", () => {
  const random = seededRandom(7);
  const delays = Array.from({ length: 4000 }, () => backoffMs(POLICY, 2, 0, random));
  for (let quarter = 0; quarter < 4; quarter++) {
    const count = delays.filter((delay) => Math.floor(delay / 1000) === quarter).length;
    assert.ok(count > 850 && count < 1150, `${count} of 4000 in quarter ${quarter}`);
  }
});

test("34: Retry-After is the least wait, up to the longest delay", () => {
  assert.equal(backoffMs(POLICY, 0, 7000, () => ALMOST_ONE), 7000);
  assert.equal(backoffMs(POLICY, 4, 7000, () => 0.75), 12_000);
  assert.equal(backoffMs(POLICY, 0, 1e12, () => 0), 30_000);
  assert.equal(backoffMs({ ...POLICY, retryMaxDelayMs: 0 }, 3, 7000, () => ALMOST_ONE), 0);
});

test("no number of attempts makes a delay that is no number", () => {
  for (const retryBaseDelayMs of [0, 1000]) {
    for (const attempt of [31, 53, 1023, 1024, 999_999]) {
      const delay = backoffMs({ ...POLICY, retryBaseDelayMs }, attempt, 0, () => 0.5);
      assert.equal(delay, retryBaseDelayMs === 0 ? 0 : 15_000);
    }
  }
});

test("a budget allows as many retries as it says", () => {
  const budget = new RetryBudget(POLICY, new VirtualClock(), () => 0.5);
  assert.equal(budget.failures, 0);
  assert.deepEqual([1, 2, 3, 4, 5].map(() => budget.fail()), [500, 1000, 2000, 4000, 8000]);
  assert.equal(budget.failures, 5);
  assert.equal(budget.fail(), undefined);
  assert.equal(new RetryBudget({ ...POLICY, maxRetries: 0 }, new VirtualClock()).fail(), undefined);
});

test("only failures since the last progress count", () => {
  const budget = new RetryBudget({ ...POLICY, maxRetries: 2 }, new VirtualClock(), () => 0.5);
  for (let round = 0; round < 10; round++) {
    assert.deepEqual([budget.fail(), budget.fail(), budget.failures], [500, 1000, 2]);
    budget.progress();
    assert.equal(budget.failures, 0);
  }
  assert.deepEqual([budget.fail(), budget.fail(), budget.fail()], [500, 1000, undefined]);
});

test("a budget honours Retry-After", () => {
  const budget = new RetryBudget(POLICY, new VirtualClock(), () => 0);
  assert.deepEqual([budget.fail(3000), budget.fail(), budget.fail(60_000)], [3000, 0, 30_000]);
});

test("a budget ends where the next try would come after its time", async () => {
  const clock = new VirtualClock();
  const policy = { ...POLICY, maxRetries: 1000, maxRetryElapsedMs: 10_000 };
  const budget = new RetryBudget(policy, clock, () => 0.5);
  await clock.advance(123_456);
  assert.equal(budget.fail(), 500);
  await clock.advance(8999);
  assert.equal(budget.fail(), 1000, "at 9,999 of 10,000 ms");
  await clock.advance(1);
  assert.equal(budget.fail(), undefined, "at 11,000 of 10,000 ms");
});

test("38: the wall clock has no part in a budget", async () => {
  const clock = new VirtualClock();
  const budget = new RetryBudget({ ...POLICY, maxRetryElapsedMs: 10_000 }, clock, () => 0.5);
  budget.fail();
  clock.jumpWall(86_400_000);
  assert.equal(budget.fail(), 1000);
  clock.jumpWall(-2 * 86_400_000);
  assert.equal(budget.fail(), 2000);
  await clock.advance(9000);
  assert.equal(budget.fail(), undefined);
});

test("progress starts the time of a budget anew", async () => {
  const clock = new VirtualClock();
  const budget = new RetryBudget({ ...POLICY, maxRetryElapsedMs: 10_000 }, clock, () => 0.5);
  budget.fail();
  await clock.advance(9800);
  budget.progress();
  assert.equal(budget.fail(), 500);
  await clock.advance(9000);
  assert.equal(budget.fail(), 1000);
  await clock.advance(9000);
  assert.equal(budget.fail(), undefined);
});

test("without a source of its own a budget is random", () => {
  const delays = Array.from({ length: 20 }, () => new RetryBudget(POLICY, new VirtualClock()).fail() ?? -1);
  assert.ok(new Set(delays).size > 10);
  assert.ok(delays.every((delay) => delay >= 0 && delay <= 1000));
});
