import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadSpec } from "../../mod.ts";
import type { FaultServerOptions, RecordedRequest } from "../../testing/mod.ts";
import { Relay } from "../helpers/sockets/relay.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { FastClock } from "../helpers/doubles/fast_clock.ts";
import { until } from "../helpers/until.ts";

const SIZE = 1_000_003;
const REACHED = 300_001;
const NEVER_MS = 2 ** 31 - 1;
/** Nothing but retries sleeps for less than a day. */
const PATIENT = { connectTimeoutMs: NEVER_MS, readTimeoutMs: NEVER_MS, controlSaveIntervalMs: NEVER_MS };

/** A clock whose wall shows the beginning of 2024, to which the dates below belong. */
function clockOf(factor: number): FastClock {
  return new FastClock({ factor, wallMs: Date.UTC(2024, 0, 1) });
}

/** A scene on another clock. */
function sceneOn(clock: FastClock, options: FaultServerOptions): Promise<Scene> {
  return Scene.open(options, (logger) => {
    const queue = queueOn(runtimeWith({ clock }), { logger, defaults: PATIENT });
    return { download: (spec: DownloadSpec) => queue.add(spec), close: () => queue.close() };
  });
}

/** Whether written bytes, or what is known of them, are gathered for so long. */
const isOfJournal = (ms: number): boolean => ms === 20 || ms === 50;

function isShort(ms: number): boolean {
  return ms < 24 * 60 * 60 * 1000 && !isOfJournal(ms);
}

/** What the end of a body may take after its last byte; no retry. */
const END_MS = 1000;

const BASE_MS = 10;
const MAX_MS = 150_000;
const FACTOR = 1000;

for (
  const [name, retryAfter, waitMs] of [
    ["seconds", "90", 90_000],
    ["seconds with blanks around them", " 90 ", 90_000],
    ["a date", "Mon, 01 Jan 2024 00:01:30 GMT", 90_000],
    ["a date of the kind RFC 850", "Monday, 01-Jan-24 00:01:30 GMT", 90_000],
    ["a date in the past", "Fri, 01 Dec 2023 00:00:00 GMT", 0],
    ["no time at all", "0", 0],
    ["an hour, above the longest delay", "3600", MAX_MS],
    ["more seconds than a number holds", "9".repeat(400), MAX_MS],
    ["a date far in the future", "Fri, 31 Dec 9999 23:59:59 GMT", MAX_MS],
    ["rubbish", "soon", 0],
    ["a negative number", "-90", 0],
    ["a fraction", "90.5", 0],
    ["a number with a unit", "90s", 0],
    ["two numbers", "90, 90", 0],
    ["a date that is none", "Mon, 99 Foo 2024 00:01:30 GMT", 0],
    ["nothing", "", 0],
  ] as const
) {
  for (const [place, index] of [["first", 0], ["later", 1]] as const) {
    test(`37 Retry-After is ${name}, in the ${place} response`, async () => {
      const clock = clockOf(FACTOR);
      await using scene = await sceneOn(clock, {
        size: SIZE,
        respond: (request) =>
          request.index === index
            ? { status: 503, headers: { "Retry-After": retryAfter } }
            : request.index === 0
            ? { range: { start: 0, end: REACHED } }
            : undefined,
      });
      await scene.complete({ retryBaseDelayMs: BASE_MS, retryMaxDelayMs: MAX_MS });
      const longest = Math.max(0, ...clock.sleeps.filter((ms) => isShort(ms) && ms > END_MS));
      assert.equal(longest, waitMs);
      const [refused, next] = scene.server.requests.slice(index) as [RecordedRequest, RecordedRequest];
      const gapMs = next.receivedAtMs - refused.receivedAtMs;
      assert.ok(gapMs >= waitMs / FACTOR - 1, `asked again after ${gapMs} ms`);
      assert.equal(scene.server.requests.length, place === "first" ? 2 : 3);
    });
  }
}

test("40 every connection fails at once: each waits for a time of its own", async () => {
  const connections = 24;
  const baseMs = 60_000;
  const clock = clockOf(FACTOR);
  await using scene = await sceneOn(clock, {
    size: 6_000_000,
    respond: ({ index }) => index < connections ? { silentAfter: 20_000 } : undefined,
  });
  await using relay = await Relay.start(scene.server.url);
  const handle = scene.download({
    url: relay.url,
    maxConnections: connections,
    pieceSize: 100_000,
    retryBaseDelayMs: baseMs,
    retryMaxDelayMs: 10 * baseMs,
    memoryBudget: 64 * 2 ** 20,
  });
  await until(() => handle.snapshot.downloaded === connections * 20_000);
  const before = clock.sleeps.length;
  relay.cut("reset");
  await scene.completed(handle);
  const delays = clock.sleeps.slice(before).filter((ms) => isShort(ms) && ms !== END_MS);
  const first = delays.filter((ms) => ms <= baseMs).slice(0, connections);
  assert.equal(new Set(first).size, connections, "some wait for the same time");
  assert.ok(first.some((ms) => ms < baseMs / 2) && first.some((ms) => ms > baseMs / 2), `${first}`);
});

test("40 retries get rarer, and none waits longer than it should", async () => {
  const clock = clockOf(FACTOR);
  await using scene = await sceneOn(clock, { size: SIZE, respond: () => ({ status: 500 }) });
  const maxRetries = 12;
  await scene.fail("http_status", { maxRetries, retryBaseDelayMs: 64, retryMaxDelayMs: 32_000 });
  const delays = clock.sleeps.filter(isShort);
  assert.equal(delays.length, maxRetries);
  // And one for the whole file.
  assert.equal(scene.server.requests.length, maxRetries + 2);
  for (const [attempt, ms] of delays.entries()) {
    assert.ok(ms >= 0 && ms <= Math.min(32_000, 64 * 2 ** attempt), `delay ${attempt} is ${ms} ms`);
  }
  assert.ok(Math.max(...delays) > 64 * 8, `${delays}`);
});

const BUDGET = {
  maxRetries: 1_000_000,
  maxRetryElapsedMs: 60_000,
  retryBaseDelayMs: 1000,
  retryMaxDelayMs: 5000,
} as const;
/** All that retries waited for, over all connections. */
function waited({ sleeps }: FastClock): number {
  return sleeps.filter(isShort).reduce((sum, ms) => sum + ms, 0);
}

test("40 nothing works from the start: over when the budget is", async () => {
  const clock = clockOf(100);
  await using scene = await sceneOn(clock, { size: SIZE, respond: () => ({ refuse: true }) });
  await scene.fail("network", BUDGET);
  assert.ok(waited(clock) <= BUDGET.maxRetryElapsedMs, `waited for ${waited(clock)} ms`);
  assert.ok(scene.server.requests.length > 5, `${scene.server.requests.length} tries`);
  await scene.assertLeft([]);
});

test("40 nothing works any more, over four connections: over when the budget is, progress kept", async () => {
  const size = 4_000_000;
  const clock = clockOf(100);
  await using scene = await sceneOn(clock, {
    size,
    respond: ({ index }) => index < 4 ? { silentAfter: 20_000 } : { refuse: true },
  });
  await using relay = await Relay.start(scene.server.url);
  const spec = { url: relay.url, maxConnections: 4, pieceSize: 500_000, ...BUDGET };
  const handle = scene.download(spec);
  await until(() => handle.snapshot.downloaded === 4 * 20_000);
  relay.cut("reset");
  const { downloaded } = await scene.failed("network", handle);
  assert.ok(waited(clock) <= 4 * BUDGET.maxRetryElapsedMs, `waited for ${waited(clock)} ms`);
  assert.ok(scene.server.requests.length > 4 + 5, `${scene.server.requests.length} requests`);
  assert.equal(downloaded, 4 * 20_000);
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  const result = await scene.complete(spec);
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [downloaded, size - downloaded]);
});

test("40 the budget begins anew with every progress", async () => {
  await using scene = await sceneOn(clockOf(FACTOR), {
    size: SIZE,
    respond: ({ range }) => ({ chunked: true, bodyLength: Math.min(50_000, range!.end - range!.start) }),
  });
  // Twenty failures, each of which uses up to the whole of it.
  await scene.complete({ maxRetries: 1, maxRetryElapsedMs: 1000, retryBaseDelayMs: 1000 });
});
