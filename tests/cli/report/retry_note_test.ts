import assert from "node:assert/strict";
import { test } from "node:test";
import { renderRetryNote } from "../../../src/cli/report/retry_note.ts";

test("renderRetryNote() counts down until the retry is due", () => {
  const retry = { reason: "the server answered 503", attempt: 2, atMs: 3500 };
  assert.equal(renderRetryNote(retry, 0), "retry in 4 s: the server answered 503");
  assert.equal(renderRetryNote(retry, 3499), "retry in 1 s: the server answered 503");
  assert.equal(renderRetryNote(retry, 3500), undefined);
});
