import assert from "node:assert/strict";
import { test } from "node:test";
import { ODD_SCENARIOS } from "../../bench/reliability_odd.ts";
import { judgeBytes } from "../../bench/reliability_run.ts";
import type { Tool } from "../../bench/reliability_tools.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { findCurl } from "../reliability/oddities_curl.ts";

const PLAIN: Tool = {
  name: "curl",
  versionCommand: [],
  command: ({ url }) => ["curl", "-q", "-sS", "-f", "-L", "-b", "", "-C", "-", "-o", "out.bin", url],
};

test("the second table has each row of odd servers, under names of their own", () => {
  const rows = new Set(ODD_SCENARIOS.map(({ name }) => Number(/^\d+/.exec(name))));
  const wanted = [...Array.from({ length: 17 }, (_, index) => 85 + index), 131, 133, 134];
  assert.deepEqual([...rows], wanted);
  assert.equal(new Set(ODD_SCENARIOS.map(({ name }) => name)).size, ODD_SCENARIOS.length);
});

test("what a tool leaves is judged by its status and its bytes", () => {
  const [old, changed, mixed] = [[1, 1], [2, 2], [1, 2]].map((bytes) => new Uint8Array(bytes));
  const versions = [old!, changed!];
  assert.deepEqual(judgeBytes(0, changed, versions), { kind: "exact" });
  assert.deepEqual(judgeBytes(0, mixed, versions), { kind: "corrupt", note: "wrong bytes" });
  assert.deepEqual(judgeBytes(0, old!.subarray(1), versions), { kind: "corrupt", note: "1 of 2 bytes" });
  assert.deepEqual(judgeBytes(0, undefined, versions), { kind: "corrupt", note: "no file" });
  assert.deepEqual(judgeBytes(1, undefined, versions), { kind: "refused" });
  assert.deepEqual(judgeBytes(null, mixed, versions), { kind: "unfinished" });
  assert.deepEqual(judgeBytes("stuck", old, versions), { kind: "stuck" });
  assert.deepEqual(judgeBytes([1, 0], old, versions), { kind: "exact" });
});

/** Which rows curl gets with one request, and which mix versions in it. */
const SEEN: readonly (readonly [name: string, kind: string])[] = [
  ["85 the same without Content-Range", "exact"],
  ["88 raw UTF-8 in Location", "exact"],
  ["90 416 to a range that ends behind the file", "exact"],
  ["91 empty file, 204", "exact"],
  ["93 Content-Encoding gzip on out.tar.gz", "exact"],
  ["99 the file, a login that sets a cookie, the file", "exact"],
  ["101 403 with Retry-After, then well", "refused"],
  ["131 file replaced between two runs, same ETag and date", "corrupt"],
];

for (const [name, kind] of SEEN) {
  test(`curl and the odd server "${name}": ${kind}`, {
    skip: await skipWithout("odd servers and curl", { curl: findCurl }),
  }, async () => {
    await using directory = await temporaryDirectory();
    const scenario = ODD_SCENARIOS.find((one) => one.name === name);
    assert.ok(scenario);
    assert.equal((await scenario.run(PLAIN, directory.path)).kind, kind);
  });
}
