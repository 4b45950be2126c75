import assert from "node:assert/strict";
import { test } from "node:test";
import { onAbort } from "../../src/lib/on_abort.ts";

test("onAbort() calls its listener once, at the abort", () => {
  const controller = new AbortController();
  let calls = 0;
  using _listening = onAbort(controller.signal, () => void calls++);
  assert.equal(calls, 0);
  controller.abort();
  assert.equal(calls, 1);
});

test("onAbort() calls its listener immediately where the signal is aborted", () => {
  let calls = 0;
  using _listening = onAbort(AbortSignal.abort(), () => void calls++);
  assert.equal(calls, 1);
});

test("onAbort() calls nothing once it is disposed of, and nothing without a signal", () => {
  const controller = new AbortController();
  let calls = 0;
  {
    using _listening = onAbort(controller.signal, () => void calls++);
  }
  using _nothing = onAbort(undefined, () => void calls++);
  controller.abort();
  assert.equal(calls, 0);
});
