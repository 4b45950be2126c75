import assert from "node:assert/strict";
import { test } from "node:test";
import { type OddCase, simplerCases } from "./oddities_case.ts";
import { shrink } from "./oddities_shrink.ts";

const LARGE: OddCase = {
  size: 3_000_000,
  connections: 7,
  checksum: true,
  redirects: [{ status: 303, form: "twice" }, { status: 308, body: "chunked" }],
  fields: ["Vary: *", "Age: 5"],
  etag: "weak",
  extra: { over: 3, by: "open", how: "page" },
  lie: { kind: "changes", after: 2 },
};

/** Shrinks `LARGE`, and counts the cases that were tried. */
async function shrinkLarge(
  fails: (odd: OddCase) => boolean,
  tries = 1000,
): Promise<{ found: OddCase; tried: number }> {
  let tried = 0;
  const found = await shrink(LARGE, simplerCases, (odd) => {
    tried++;
    return Promise.resolve(fails(odd));
  }, tries);
  return { found, tried };
}

test("what has no part in a failure is left out", async () => {
  const { found } = await shrinkLarge(({ etag, extra }) => etag === "weak" && extra?.how === "page");
  assert.deepEqual(found, { size: 0, connections: 1, etag: "weak", extra: { how: "page" } });
});

test("a failure that needs nothing odd is a small file over one connection", async () => {
  assert.deepEqual((await shrinkLarge(() => true)).found, { size: 0, connections: 1 });
});

test("lists lose their members one by one, and members lose their parts", async () => {
  const { found } = await shrinkLarge(({ redirects = [], fields = [] }) =>
    redirects.some(({ body }) => body === "chunked") && fields.includes("Age: 5")
  );
  assert.deepEqual(found, {
    size: 0,
    connections: 1,
    redirects: [{ body: "chunked" }],
    fields: ["Age: 5"],
  });
});

test("size and connections get as small as the failure allows", async () => {
  const { found } = await shrinkLarge(({ size, connections }) => size > 2 ** 20 && connections > 2);
  assert.deepEqual(found, { size: 2 ** 20 + 1, connections: 4 });
});

test("what a member cannot be without stays", async () => {
  const { found } = await shrinkLarge(({ lie }) => lie !== undefined);
  assert.deepEqual(found, { size: 0, connections: 1, lie: { kind: "changes" } });
});

test("a case of which nothing can be left out stays as it is, after one round", async () => {
  const { found, tried } = await shrinkLarge(() => false);
  assert.equal(found, LARGE);
  assert.equal(tried, [...simplerCases(LARGE)].length);
});

test("shrinking ends when its tries are spent", async () => {
  const { found, tried } = await shrinkLarge(({ extra }) => extra !== undefined, 3);
  assert.equal(tried, 3);
  assert.equal(found.extra, LARGE.extra);
});

test("every simpler case is another one, and as JSON it stays what it is", () => {
  const seen = [...simplerCases(LARGE)].map((odd) => JSON.stringify(odd));
  assert.equal(new Set([...seen, JSON.stringify(LARGE)]).size, seen.length + 1);
  assert.deepEqual(JSON.parse(JSON.stringify(LARGE)), LARGE);
});
