import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitList } from "../../src/lib/wait_list.ts";
import { countListeners } from "../helpers/listeners.ts";

const never = (): AbortSignal => new AbortController().signal;

test("those who wait are served in the order in which they came", async () => {
  const list = new WaitList<string>();
  const waits = [list.wait(never()), list.wait(never()), list.wait(never())];
  assert.deepEqual([list.wakeFirst("a"), list.wakeFirst("b")], [true, true]);
  list.wakeAll("rest");
  assert.deepEqual(await Promise.all(waits), ["a", "b", "rest"]);
  assert.equal(list.wakeFirst("nobody"), false);
  list.wakeAll("nobody");
});

test("80: an abort ends the wait with the signal's reason, and takes nobody's turn", async () => {
  const list = new WaitList<string>();
  const stop = new AbortController();
  const stopped = list.wait(stop.signal);
  const next = list.wait(never());
  stop.abort(new Error("enough"));
  await assert.rejects(stopped, /^Error: enough$/);
  assert.equal(list.wakeFirst("a"), true);
  assert.equal(await next, "a");
  await assert.rejects(list.wait(stop.signal), /^Error: enough$/);
  assert.equal(list.wakeFirst("b"), false);
});

test("an abort after the wait is over changes nothing", async () => {
  const list = new WaitList<string>();
  const stop = new AbortController();
  const waiting = list.wait(stop.signal);
  list.wakeFirst("a");
  stop.abort(new Error("late"));
  assert.equal(await waiting, "a");
});

test("nobody stays on a signal after the wait", async () => {
  const list = new WaitList<string>();
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const waits = [list.wait(signal), list.wait(signal)];
  assert.equal(listeners(), 2);
  list.wakeAll("a");
  await Promise.all(waits);
  assert.equal(listeners(), 0);
});
