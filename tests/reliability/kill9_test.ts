import assert from "node:assert/strict";
import { test } from "node:test";
import { kill9 } from "./kill9.ts";

test(
  "a download that is killed up to three times ends in the right file, and nothing saved is fetched again",
  { timeout: 60_000 },
  async () => {
    const { failures } = await kill9.run({ seed: 1, n: 12 });
    assert.deepEqual(failures, []);
  },
);
