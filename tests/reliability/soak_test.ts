import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./soak.ts";

test(
  "downloads that end in all sorts of ways leave nothing behind in their process",
  { timeout: 60_000 },
  async () => {
    const { failures } = await soak.run({ seed: 1, n: 30 });
    assert.deepEqual(failures, []);
  },
);
