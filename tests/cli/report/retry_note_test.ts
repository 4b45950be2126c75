import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRetryNote, renderRetryNote } from "../../../src/cli/report/retry_note.ts";
import { HttpStatusError } from "../../../src/errors.ts";
import { RetryBudget } from "../../../src/flow/backoff.ts";
import { Progress } from "../../../src/session/progress.ts";
import { countFailure } from "../../../src/session/sources/retry.ts";

test("parseRetryNote() understands what the library logs of a retry", () => {
  const logged: string[] = [];
  const log = (_: string, text: string) => void logged.push(text);
  const policy = { maxRetries: 3, retryBaseDelayMs: 0, retryMaxDelayMs: 9000, maxRetryElapsedMs: Infinity };
  const clock = { monotonicMs: () => 0, wallMs: () => 0, sleep: () => Promise.resolve() };
  const error = new HttpStatusError(503, "Cannot fetch the file: the server answered 503", {
    retryable: true,
    retryAfterMs: 2500,
  });
  countFailure(error, new RetryBudget(policy, clock), { clock, log, progress: new Progress(clock) });
  const note = parseRetryNote(logged[0] ?? "", 1000);
  assert.deepEqual(note, { reason: "the server answered 503", dueMs: 3500 });
});

test("parseRetryNote() leaves other messages alone", () => {
  assert.equal(parseRetryNote("the server is overloaded; going on with 2 connections", 0), undefined);
});

test("renderRetryNote() counts down until the try is due", () => {
  const note = { reason: "the server answered 503", dueMs: 3500 };
  assert.equal(renderRetryNote(note, 0), "retry in 4 s: the server answered 503");
  assert.equal(renderRetryNote(note, 3499), "retry in 1 s: the server answered 503");
  assert.equal(renderRetryNote(note, 3500), undefined);
});
