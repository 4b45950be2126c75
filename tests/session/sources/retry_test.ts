import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError, HttpStatusError } from "../../../src/errors.ts";
import { RetryBudget } from "../../../src/flow/backoff.ts";
import { Progress } from "../../../src/session/progress.ts";
import { withRetries } from "../../../src/session/sources/retry.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const POLICY = { maxRetries: 1, retryBaseDelayMs: 0, retryMaxDelayMs: 9000, maxRetryElapsedMs: Infinity };
const BUSY = new HttpStatusError(503, "Cannot fetch the file: the server answered 503", {
  reason: "the server answered 503",
  retryable: true,
  retryAfterMs: 2500,
});

/** Attempts that fail with `failures`, one after the other, and then succeed. */
function attempts(...failures: readonly unknown[]) {
  const clock = new VirtualClock();
  const progress = new Progress(clock);
  const messages: string[] = [];
  const stop = new AbortController();
  let made = 0;
  const attempt = (): Promise<number> => {
    const failure = failures[made++];
    return failure === undefined ? Promise.resolve(made) : Promise.reject(failure);
  };
  const log = (_level: string, message: string) => void messages.push(message);
  const tools = { clock, log, progress };
  const result = withRetries(attempt, new RetryBudget(POLICY, clock), tools, stop.signal);
  result.catch(() => {}); // it is awaited by the test
  return { clock, progress, messages, stop, result };
}

test("a retry is shown with its reason until its request is sent", async () => {
  const { clock, progress, messages, result } = attempts(BUSY);
  await settle();
  const retry = { atMs: clock.wallMs() + 2500, attempt: 2, reason: "the server answered 503" };
  assert.deepEqual(progress.retry, retry);
  assert.deepEqual(messages, ["Cannot fetch the file: the server answered 503; try 2 in 2.5 s"]);
  await clock.advance(2500);
  assert.equal(await result, 2);
  assert.equal(progress.retry, undefined);
});

test("a retry that is waited for is shown no more once the download is stopped", async () => {
  const { progress, stop, result } = attempts(BUSY);
  await settle();
  stop.abort("stopped");
  await assert.rejects(result, (reason) => reason === "stopped");
  assert.equal(progress.retry, undefined);
});

test("no retry is shown where the budget is spent, and the last failure counts", async () => {
  const { clock, progress, result } = attempts(BUSY, BUSY);
  await settle();
  await clock.advance(2500);
  await assert.rejects(result, BUSY);
  assert.equal(progress.retry, undefined);
});

test("what no retry can help is not retried", async () => {
  for (const failure of [new DownloadError("tls", "bad certificate"), new TypeError("a bug")]) {
    const { clock, progress, result } = attempts(failure);
    await assert.rejects(result, failure);
    assert.deepEqual([progress.retry, clock.sleeps], [undefined, 0]);
  }
});
