import assert from "node:assert/strict";
import { test } from "node:test";
import { powerLoss } from "./powerloss.ts";

test("a download survives a power loss at any storage operation", async () => {
  const figures = await powerLoss({ seed: 1, n: 1, only: "" }, 13);
  assert.deepEqual(figures.failures, []);
  assert.ok(figures.counted("crash points") > 50, figures.line());
});
