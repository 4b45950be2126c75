import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../../src/session/progress.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const RETRY = { atMs: 5000, attempt: 2, reason: "the server answered 503" };

test("a download that waits for its turn shows nothing", () => {
  const { state, startedMs, path, downloaded, fetched, total, speed, connections, retry } = new Progress(
    new VirtualClock(),
  );
  assert.deepEqual({ state, startedMs, path, downloaded, fetched, total, speed, connections, retry }, {
    ...{ state: "pending", startedMs: undefined, path: undefined, downloaded: 0, fetched: 0 },
    ...{ total: undefined, speed: 0, connections: 0, retry: undefined },
  });
});

test("it shows when it started, where the file goes and what is done", async () => {
  const clock = new VirtualClock();
  const progress = new Progress(clock);
  await clock.advance(700);
  progress.started();
  progress.located("file.bin");
  assert.deepEqual([progress.state, progress.startedMs, progress.path], ["downloading", 700, "file.bin"]);
  progress.verifying();
  assert.equal(progress.state, "verifying");
  progress.fetching();
  assert.equal(progress.state, "downloading");
});

test("bytes that were received count, those of an earlier run are not fetched, skipped ones are not new", () => {
  const progress = new Progress(new VirtualClock());
  progress.resumedAt(400, 1000);
  progress.received(100);
  progress.skipped(30);
  assert.deepEqual([progress.downloaded, progress.fetched, progress.total], [500, 130, 1000]);
});

test("a restart forgets what was there and its size, but not what was fetched", () => {
  const progress = new Progress(new VirtualClock());
  progress.resumedAt(400, 1000);
  progress.received(100);
  progress.restarted(undefined);
  assert.deepEqual([progress.downloaded, progress.fetched, progress.total], [0, 100, undefined]);
});

test("what is discarded is gone, and the size is still known", () => {
  const progress = new Progress(new VirtualClock());
  progress.restarted(1000);
  progress.received(100);
  progress.discarded();
  assert.deepEqual([progress.downloaded, progress.fetched, progress.total], [0, 100, 1000]);
});

test("a connection counts until it is disposed of", () => {
  const progress = new Progress(new VirtualClock());
  {
    using _one = progress.connected();
    using _other = progress.connected();
    assert.equal(progress.connections, 2);
  }
  assert.equal(progress.connections, 0);
});

test("of several retries the next one is shown, and none that was sent", () => {
  const progress = new Progress(new VirtualClock());
  const late = progress.retryingAt({ ...RETRY, atMs: 9000 });
  const soon = progress.retryingAt(RETRY);
  assert.equal(progress.retry, RETRY);
  soon[Symbol.dispose]();
  assert.equal(progress.retry?.atMs, 9000);
  late[Symbol.dispose]();
  assert.equal(progress.retry, undefined);
});

test("no retry is shown while a connection receives something", () => {
  const progress = new Progress(new VirtualClock());
  using _ = progress.retryingAt(RETRY);
  {
    using _ = progress.connected();
    assert.equal(progress.retry, undefined);
  }
  assert.equal(progress.retry, RETRY);
});
