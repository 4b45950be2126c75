import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reply } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";

const SIZE = 2_000_000;
const FILE = { size: SIZE, seed: 30 };
const PACE = { throttle: 1_000_000 };
const CONNECTIONS = { maxConnections: 4, readTimeoutMs: 60_000, maxRetries: 0 };
/** Far below what one lease would take at the pace of the slow connection, far above a busy machine's whims. */
const SOON_MS = 10_000;

/** One of the requests is answered in another way than the others. */
function oneDiffers(index: number, reply: Reply): (request: { readonly index: number }) => Reply {
  return (request) => request.index === index ? reply : PACE;
}

for (
  const [name, index, reply] of [
    ["30 a connection that drips a byte a second", 2, { dripMs: 1000 }],
    ["30 a first connection that drips a byte a second", 0, { dripMs: 1000 }],
    ["30 a connection at a hundredth of the others' pace", 2, { throttle: 10_000 }],
    ["29 a connection that goes silent among others that do not", 2, { silentAfter: 5000, ...PACE }],
    ["28 a connection without an answer among others with one", 2, { never: true }],
  ] as const
) {
  test(`${name}: the others take its lease over`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: oneDiffers(index, reply) });
    const result = await scene.complete({ ...CONNECTIONS });
    assert.ok(result.elapsedMs < SOON_MS, `${result.elapsedMs} ms`);
    assert.equal(result.fetchedBytes, SIZE);
    assert.ok(scene.wasTold("debug", /another connection takes over at byte \d+$/));
  });
}

test("28 every answer takes longer than a lease: nothing is taken over in circles", async () => {
  await using scene = await Scene.open({ ...FILE, size: 300_000, respond: () => ({ delayMs: 700 }) });
  const result = await scene.complete({ ...CONNECTIONS });
  assert.equal(result.fetchedBytes, 300_000);
  const asked = scene.server.requests.length;
  assert.ok(asked <= 40, `${asked} requests`);
});

test("30 connections of one pace take nothing over from one another", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => PACE });
  await scene.complete({ ...CONNECTIONS });
  assert.ok(!scene.wasTold("debug", /takes over/));
});
