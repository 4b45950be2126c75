import assert from "node:assert/strict";
import { test } from "node:test";
import { cancel } from "./cancel.ts";

test("a download that is stopped at any moment is over at once, and nothing of it goes on", {
  timeout: 60_000,
}, async () => {
  const { failures } = await cancel.run({ seed: 1, n: 24 });
  assert.deepEqual(failures, []);
});
