import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "./faults.ts";

test("whatever a faulty server does, what is called completed is one version of the file", {
  timeout: 60_000,
}, async () => {
  const { failures } = await faults.run({ seed: 1, n: 24 });
  assert.deepEqual(failures, []);
});
