import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenRequest } from "../../src/http/open_request.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

test("a request that is stopped from outside leaves no timer behind", () => {
  const clock = new VirtualClock();
  const outer = new AbortController();
  const request = new OpenRequest(clock, outer.signal);
  request.watchdog.arm(30_000);
  assert.equal(clock.sleepers, 1);
  outer.abort();
  assert.equal(clock.sleepers, 0);
  assert.ok(request.signal.aborted);
});
