import assert from "node:assert/strict";
import { test } from "node:test";
import { oddities } from "./oddities.ts";

test("however odd a server is: no wrong bytes, and what curl gets is got", { timeout: 120_000 }, async () => {
  const { failures } = await oddities.run({ seed: 1, n: 24 });
  assert.deepEqual(failures, []);
});
