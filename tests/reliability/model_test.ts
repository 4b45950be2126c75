import assert from "node:assert/strict";
import { test } from "node:test";
import { model } from "./model.ts";

test("whatever happens to a download in turn, no invariant falls", { timeout: 60_000 }, async () => {
  const { failures } = await model.run({ seed: 1, n: 8 });
  assert.deepEqual(failures, []);
});
