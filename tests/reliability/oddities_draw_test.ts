import assert from "node:assert/strict";
import { test } from "node:test";
import { mayRefuse, type OddCase, plainWorks, undetectable } from "./oddities_case.ts";
import { drawCase } from "./oddities_draw.ts";
import { Dice } from "./run_dice.ts";

const CASES = Array.from({ length: 3000 }, (_, index) => drawCase(new Dice(5, index)));

test("the same dice draw the same case, which survives JSON", () => {
  for (const [index, odd] of CASES.slice(0, 200).entries()) {
    assert.deepEqual(drawCase(new Dice(5, index)), odd);
    assert.deepEqual(JSON.parse(JSON.stringify(odd)), odd);
  }
});

test("every kind of oddity is drawn, most of them together with others", () => {
  const keys = new Set(CASES.flatMap((odd) => Object.keys(odd)));
  const all: readonly (keyof OddCase)[] = [
    ...["size", "connections", "checksum", "path", "redirects", "cookie", "http10", "early"] as const,
    ...["bareStatus", "names", "fields", "type", "acceptRanges", "connection", "clock"] as const,
    ...["plainStatus", "ranges", "partStatus", "contentRange", "refusal", "length", "partLength"] as const,
    ...["etag", "date", "ifRange", "encoding", "empty", "extra", "lie", "cut", "passing", "stop"] as const,
  ];
  assert.deepEqual([...keys].sort(), [...all].sort());
  assert.ok(CASES.filter((odd) => Object.keys(odd).length > 5).length > CASES.length / 2);
});

test("what nobody can notice is drawn as a lie only, and seldom", () => {
  for (const odd of CASES) assert.ok(odd.lie !== undefined || undetectable(odd) === undefined);
  assert.ok(CASES.filter(({ lie }) => lie !== undefined).length < CASES.length / 10);
});

test("most cases have to be fetched", () => {
  const owed = CASES.filter((odd) => plainWorks(odd) && mayRefuse(odd) === undefined);
  assert.ok(owed.length > CASES.length * 0.6, `${owed.length} of ${CASES.length}`);
});

test("a downloader may refuse what nothing proves", () => {
  const good: OddCase = { size: 3_000_000, connections: 4 };
  assert.equal(mayRefuse(good), undefined);
  assert.equal(mayRefuse({ ...good, etag: "edges", checksum: true }), undefined);
  assert.ok(mayRefuse({ ...good, etag: "edges" }));
  assert.ok(mayRefuse({ ...good, lie: { kind: "changes" } }));
});

test("a change goes unnoticed where no validator tells of it", () => {
  const changes: OddCase = { size: 3_000_000, connections: 4, lie: { kind: "changes" } };
  assert.equal(undetectable(changes), undefined);
  assert.equal(undetectable({ ...changes, etag: "none" }), undefined);
  assert.equal(undetectable({ ...changes, lie: { kind: "changes", hidden: "etag" } }), undefined);
  assert.ok(undetectable({ ...changes, etag: "none", date: "young" }));
  assert.ok(undetectable({ ...changes, lie: { kind: "changes", hidden: "both" } }));
});
