import assert from "node:assert/strict";
import { test } from "node:test";
import { torture } from "./torture.ts";

test("every call that fails leads to a typed error or to the exact file, and a later run finishes", async () => {
  const figures = await torture({ seed: 1, n: 1, only: "" }, 11);
  assert.deepEqual(figures.failures, []);
  assert.ok(figures.runs > 300, figures.line());
});
