import assert from "node:assert/strict";
import { test } from "node:test";
import { failEachCall } from "./torture.ts";

test("every call that fails leads to a typed error or to the exact file, and a later run finishes", async () => {
  const findings = await failEachCall({ seed: 1, n: 1 }, 11);
  assert.deepEqual(findings.failures, []);
  assert.ok(findings.get("runs") > 300, findings.show());
});
