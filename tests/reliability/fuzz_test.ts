import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz.ts";

test("whatever others wrote, it is read rightly or refused", { timeout: 60_000 }, async () => {
  const { failures } = await fuzz.run({ seed: 1, n: 15_000 });
  assert.deepEqual(failures, []);
});
