import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { OutputClaims } from "../../src/session/output_claims.ts";

test("a name is claimed by one download at a time, however it is written", () => {
  const claims = new OutputClaims();
  const [first, second] = [claims.of("http://a.test/1"), claims.of("http://a.test/2")];
  const name = join("dir", "out.bin");
  assert.deepEqual(first.take(name), { isOurs: true });
  assert.deepEqual(first.take(name), { isOurs: true });
  assert.deepEqual(second.take(join("dir", ".", "out.bin")), { isOurs: false, url: "http://a.test/1" });
  assert.deepEqual([first.other(name), second.other(name)], [undefined, "http://a.test/1"]);
  first.release();
  assert.deepEqual(second.take(name), { isOurs: true });
  assert.equal(first.other(name), "http://a.test/2");
});
