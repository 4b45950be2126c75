import assert from "node:assert/strict";
import { test } from "node:test";
import { losePower } from "./powerloss.ts";

test("a download survives a power loss at any storage operation", async () => {
  const findings = await losePower({ seed: 1, n: 1 }, 13);
  assert.deepEqual(findings.failures, []);
  assert.ok(findings.get("crash points") > 50, findings.show());
});
