import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/runtime/clock.ts";
import { growWhileFaster } from "../../../src/session/transfer/growth.ts";
import { Scene } from "../../helpers/scenes/scene.ts";

/** Lets it run on a network whose rate depends on the connections; returns how many there were at each look. */
async function grow(rateOf: (connections: number) => number, most = 16, begin = 4): Promise<number[]> {
  let connections = begin;
  let fetched = 0;
  const seen = [begin];
  const clock = {
    ...systemClock,
    sleep(ms: number) {
      fetched += rateOf(connections) * ms / 1000;
      return Promise.resolve();
    },
  };
  await growWhileFaster({
    clock,
    fetched: () => fetched,
    connections: () => connections,
    room: () => most - connections,
    add(more) {
      connections += more;
      seen.push(connections);
    },
  }, new AbortController().signal);
  return seen;
}

test("connections are doubled while each brings as much", async () => {
  assert.deepEqual(await grow((connections) => connections * 10), [4, 8, 16]);
});

test("where the whole is limited, only one step is tried", async () => {
  assert.deepEqual(await grow(() => 100), [4, 8]);
});

test("no more are opened than there is room for", async () => {
  assert.deepEqual(await grow((connections) => connections * 10, 10), [4, 8, 10]);
  assert.deepEqual(await grow((connections) => connections * 10, 4), [4]);
});

test("it ends with its signal", async () => {
  const controller = new AbortController();
  const growing = growWhileFaster({
    clock: systemClock,
    fetched: () => 0,
    connections: () => 1,
    room: () => 1,
    add: () => assert.ok(false),
  }, controller.signal);
  controller.abort();
  await growing;
});

const FILE = { size: 8_000_000, seed: 44 };

test('"auto" adds connections where each of them is limited', { timeout: 30_000 }, async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ throttle: 500_000 }) });
  const result = await scene.complete({ maxConnections: "auto" });
  assert.equal(result.fetchedBytes, FILE.size);
  const counts = scene.messages.map(({ message }) => /^(\d+) connections from now on$/.exec(message)?.[1])
    .filter((count) => count !== undefined).map(Number);
  assert.ok(counts.length > 0, "no connections were added");
  // Each step doubles what was there before, from the four that it begins with.
  assert.deepEqual(counts, counts.map((_, step) => 4 * 2 ** (step + 1)));
  assert.ok(scene.server.maxOpenConnections >= counts[0]!, `${scene.server.maxOpenConnections} connections`);
});

test(
  '"auto" begins with four connections, and adds none under a speed limit',
  { timeout: 30_000 },
  async () => {
    // None of them is done before all have begun.
    await using scene = await Scene.open({
      ...FILE,
      size: 4_000_000,
      respond: () => ({ throttle: 600_000 }),
    });
    await scene.complete({ maxConnections: "auto", maxDownloadSpeed: 2_000_000 });
    assert.equal(scene.server.maxOpenConnections, 4);
  },
);

test('"auto" adds none after the server refused one', { timeout: 30_000 }, async () => {
  await using scene = await Scene.open({
    ...FILE,
    size: 4_000_000,
    respond: ({ index }) => index === 2 ? { status: 429 } : { throttle: 400_000 },
  });
  await scene.complete({ maxConnections: "auto" });
  assert.ok(scene.server.maxOpenConnections <= 4, `${scene.server.maxOpenConnections} connections`);
});
