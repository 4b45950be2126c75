import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError, HttpStatusError } from "../../../src/errors.ts";
import { UnusableResponseError } from "../../../src/http/unusable_response.ts";
import type { Lease } from "../../../src/plan/scheduler.ts";
import { KnownVersion } from "../../../src/session/sources/known_version.ts";
import { Recovery } from "../../../src/session/transfer/recovery.ts";
import { ServerLoad } from "../../../src/session/transfer/server_load.ts";
import { VersionCheck } from "../../../src/session/transfer/version_check.ts";
import type { ByteRange } from "../../../src/types.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const SIZE = 1_000_000;
const RANGE = { start: 100_000, end: 200_000 };
const LOST = new DownloadError("network", "lost", { retryable: true });
const OVERLOADED = new HttpStatusError(429, "429", { retryable: true });
const NAMELESS = { etag: undefined, lastModified: undefined };

interface Given {
  readonly connections?: number;
  readonly isReturning?: boolean;
  readonly etag?: string;
  readonly maxRetries?: number;
}

/** One connection of several, whose failures are retried after a second. */
class Scene {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly done = new AbortController();
  readonly messages: string[] = [];
  readonly delays: number[] = [];
  readonly load: ServerLoad;
  readonly recovery: Recovery;
  readonly progress = { fetched: 0 };
  closed = 0;
  /** What the request that fails was for, `undefined` for the whole file. */
  range: ByteRange | undefined = RANGE;

  constructor({ connections = 1, isReturning = false, etag, maxRetries = 5 }: Given = {}) {
    const { clock, done, progress, stop: { signal } } = this;
    const log = (_level: string, message: string) => void this.messages.push(message);
    const source = { closeIdle: () => void this.closed++ };
    this.load = new ServerLoad({
      ...{ clock, log, source, progress, acceptsRanges: true, maxConnections: connections },
      ...{ maxSegmentSize: Infinity, maxQuietMs: 60_000 },
    });
    for (let added = 0; added < connections; added++) this.load.addConnection();
    const file = { url: "http://localhost/", contentEncoding: "refuse" } as const;
    const version = new KnownVersion(SIZE, { ...NAMELESS, etag }, false);
    this.recovery = new Recovery({
      ...{ clock, log, source, progress, signal, isReturning, load: this.load, desk: { done: done.signal } },
      check: new VersionCheck({ clock, version, file }),
      retryPolicy: {
        maxRetries,
        retryBaseDelayMs: 1000,
        retryMaxDelayMs: 60_000,
        maxRetryElapsedMs: Infinity,
      },
      countFailure: (_error, budget, leastMs) => {
        const delayMs = budget.fail(Math.max(leastMs, 1000));
        if (delayMs === undefined) return undefined;
        this.delays.push(delayMs);
        return { delayMs, [Symbol.dispose]: () => {} };
      },
      minSegmentSize: 1000,
    });
  }

  /** Recovers, and lets the time pass that this takes. */
  async recover(error: unknown): Promise<boolean> {
    const recovering = this.recovery.recover(error, this.range);
    recovering.catch(() => {}); // it is awaited below
    await this.clock.advance(60_000);
    return await recovering;
  }
}

const leaseAt = (position: number): Lease => ({ ...RANGE, position, active: false });

test("a failure that passes is retried after its delay", async () => {
  const scene = new Scene();
  const recovering = scene.recovery.recover(LOST, RANGE);
  await scene.clock.advance(999);
  assert.equal(scene.clock.sleepers, 1);
  await scene.clock.advance(1);
  assert.equal(await recovering, true);
  assert.deepEqual([scene.delays, scene.closed], [[1000], 0]);
});

test("no retry is left: the failure of the last connection is thrown, that of another one retires it", async () => {
  const last = new Scene({ maxRetries: 0 });
  last.load.noteServedMiddle();
  await assert.rejects(last.recover(LOST), LOST);
  const extra = new Scene({ maxRetries: 0, connections: 2 });
  assert.equal(await extra.recover(LOST), false);
  assert.equal(extra.load.connections, 1);
  assert.deepEqual(extra.messages, ["lost; the other connections fetch the rest"]);
});

test("a failure while other connections were open is not the end: the request is sent once more alone", async () => {
  const scene = new Scene({ maxRetries: 1, connections: 2 });
  scene.load.noteServedMiddle();
  assert.equal(await scene.recover(LOST), true);
  scene.load.retire(true);
  assert.equal(await scene.recover(LOST), true);
  assert.deepEqual([scene.delays, scene.closed], [[1000], 1]);
  assert.deepEqual(scene.messages, ["lost; trying once more with no other connection open"]);
  await assert.rejects(scene.recover(LOST), LOST);
});

test("retries are counted since the last byte", async () => {
  const scene = new Scene({ maxRetries: 2 });
  scene.load.noteServedMiddle();
  assert.equal(await scene.recover(LOST), true);
  assert.equal(await scene.recover(LOST), true);
  scene.recovery.noteReceived(100_001);
  assert.equal(await scene.recover(LOST), true);
  assert.equal(await scene.recover(LOST), true);
  await assert.rejects(scene.recover(LOST), LOST);
});

for (const [etag, isProgress] of [[undefined, false], ['"strong"', true]] as const) {
  test(`a byte that came before is ${isProgress ? "" : "no "}progress with the ETag ${etag}`, async () => {
    const scene = new Scene({ maxRetries: 1, ...(etag === undefined ? {} : { etag }) });
    scene.load.requestWholeFile();
    scene.range = undefined;
    scene.recovery.noteReceived(500);
    assert.equal(await scene.recover(LOST), true);
    scene.recovery.noteReceived(500);
    const again = scene.recover(LOST);
    if (isProgress) assert.equal(await again, true);
    else await assert.rejects(again, LOST);
  });
}

test("the wait before a retry ends when everything was delivered", async () => {
  const scene = new Scene();
  const recovering = scene.recovery.recover(LOST, RANGE);
  await settle();
  scene.done.abort("it is over");
  assert.equal(await recovering, true);
  assert.equal(scene.clock.sleepers, 0);
});

test("the wait before a retry ends with the transfer", async () => {
  const scene = new Scene();
  const reason = new Error("stopped");
  const recovering = assert.rejects(scene.recovery.recover(LOST, RANGE), reason);
  await settle();
  scene.stop.abort(reason);
  await recovering;
});

test("a connection that is refused while others are served retires after two refusals in a row", async () => {
  const scene = new Scene({ connections: 2 });
  const fail = (position: number, fetched: number) => {
    scene.progress.fetched += fetched;
    scene.recovery.noteRequestEnd(leaseAt(position));
    return scene.recover(LOST);
  };
  const nothing = RANGE.start;
  assert.equal(await fail(nothing, 10), true);
  // A byte of its own: the next refusal is the first again.
  assert.equal(await fail(nothing + 1, 10), true);
  assert.equal(await fail(nothing, 10), true);
  // Nobody was served, which says nothing about this connection.
  assert.equal(await fail(nothing, 0), true);
  assert.equal(await fail(nothing, 10), false);
});

test("what arrived from the middle of the file is noted", () => {
  const scene = new Scene();
  scene.recovery.noteRequestEnd(leaseAt(RANGE.start));
  assert.equal(scene.load.hasServedMiddle, false);
  scene.recovery.noteRequestEnd({ ...leaseAt(1), start: 0 });
  assert.equal(scene.load.hasServedMiddle, false);
  scene.recovery.noteRequestEnd(leaseAt(RANGE.start + 1));
  assert.equal(scene.load.hasServedMiddle, true);
});

test("overload: fewer connections, of which this one is the first to go", async () => {
  const scene = new Scene({ connections: 4 });
  assert.deepEqual([await scene.recover(OVERLOADED), scene.load.connections], [false, 3]);
  assert.equal(scene.messages[0], "the server is overloaded; continuing with 2 connections");
});

test("overload of a connection that returns: it leaves again, and the others continue", async () => {
  const scene = new Scene({ connections: 4, isReturning: true });
  assert.deepEqual([await scene.recover(OVERLOADED), scene.load.connections], [false, 3]);
  assert.equal(scene.load.hasTooMany, false);
  assert.deepEqual(scene.messages, ["429; the other connections fetch the rest"]);
});

test("a connection has returned with its first byte", async () => {
  const scene = new Scene({ connections: 4, isReturning: true });
  scene.recovery.noteReceived(RANGE.start + 1);
  await scene.recover(OVERLOADED);
  assert.equal(scene.load.hasTooMany, true);
});

test("a range that is too long is shortened immediately", async () => {
  const scene = new Scene();
  scene.load.noteServed(60_000);
  assert.equal(await scene.recovery.recover(new HttpStatusError(416, "416"), RANGE), true);
  assert.equal(scene.load.maxSegmentSize, 50_000);
});

test("a range without an end has as many bytes as the file has from there on", async () => {
  const scene = new Scene();
  scene.load.noteServed(60_000);
  const open = { start: SIZE - 200_000, end: Infinity };
  assert.equal(await scene.recovery.recover(new HttpStatusError(416, "416"), open), true);
  assert.equal(scene.load.maxSegmentSize, 100_000);
});

test("where ranges are of no use the whole file is requested", async () => {
  const scene = new Scene();
  assert.equal(await scene.recovery.recover(new UnusableResponseError("a page"), RANGE), true);
  assert.equal(scene.load.usesRanges, false);
  assert.deepEqual(scene.messages, ["Cannot use the response: a page; requesting the complete file"]);
  await assert.rejects(scene.recovery.recover(new UnusableResponseError("a page"), undefined), /a page/);
});

test("the last connection closes idle ones before it retries a lasting refusal", async () => {
  const scene = new Scene({ connections: 2 });
  scene.load.retire(false);
  scene.closed = 0;
  const forbidden = new HttpStatusError(403, "403");
  assert.equal(await scene.recover(forbidden), true);
  assert.deepEqual([scene.delays, scene.closed], [[2000], 1]);
  assert.equal(await scene.recover(forbidden), true);
  assert.deepEqual([scene.delays, scene.load.usesRanges], [[2000, 2000], true]);
  assert.equal(await scene.recover(forbidden), true);
  assert.deepEqual([scene.delays.length, scene.load.usesRanges], [2, false]);
});

test("what is no failure of a request is thrown", async () => {
  const mistake = new TypeError("mistake");
  await assert.rejects(new Scene({ connections: 2 }).recover(mistake), mistake);
});
