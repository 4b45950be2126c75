import assert from "node:assert/strict";
import type { FaultServer } from "../../testing/mod.ts";

/** Checks that a server sent every byte of its file once. */
export function assertServedOnce(server: FaultServer): void {
  const served = server.rangesServed.toSorted((a, b) => a.start - b.start);
  let end = 0;
  for (const range of served) {
    assert.deepEqual(range.start, end, `the parts that were sent do not meet at byte ${end}`);
    end = range.end;
  }
  assert.deepEqual(end, server.version.size);
}
