import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsCache, type FoundAddresses } from "../../../src/net/dns/dns_cache.ts";
import { Gate } from "../../helpers/doubles/gate.ts";
import { VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const NEVER = new AbortController().signal;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A cache, and how often it had to ask. */
function sceneWith(ttlSeconds: number) {
  const clock = new VirtualClock();
  const cache = new DnsCache(clock);
  const asked: string[] = [];
  const find = (name: string): Promise<readonly string[]> =>
    cache.find(name, () => {
      asked.push(name);
      return Promise.resolve({ addresses: [`192.0.2.${asked.length}`], ttlSeconds });
    }, NEVER);
  return { clock, cache, asked, find };
}

test("addresses are kept for as long as they hold, and no longer", async () => {
  const { clock, find } = sceneWith(60);
  assert.deepEqual(await find("a.test"), ["192.0.2.1"]);
  await clock.advance(59_999);
  assert.deepEqual(await find("a.test"), ["192.0.2.1"]);
  await clock.advance(1);
  assert.deepEqual(await find("a.test"), ["192.0.2.2"]);
  assert.deepEqual(await find("b.test"), ["192.0.2.3"]);
});

test("what holds for 0 seconds is not kept, and takes the place of nothing", async () => {
  const { find } = sceneWith(0);
  assert.deepEqual([await find("a.test"), await find("a.test")], [["192.0.2.1"], ["192.0.2.2"]]);
});

test("a change of the wall clock changes nothing", async () => {
  const { clock, find } = sceneWith(60);
  await find("a.test");
  clock.jumpWall(-DAY_MS);
  await clock.advance(60_000);
  assert.deepEqual(await find("a.test"), ["192.0.2.2"]);
});

test("nothing is kept for more than a day", async () => {
  const { clock, find } = sceneWith(2 ** 31 - 1);
  await find("a.test");
  await clock.advance(DAY_MS - 1);
  assert.deepEqual(await find("a.test"), ["192.0.2.1"]);
  await clock.advance(1);
  assert.deepEqual(await find("a.test"), ["192.0.2.2"]);
});

test("a thousand names are kept; the oldest makes room", async () => {
  const { asked, find } = sceneWith(60);
  for (let index = 0; index < 1001; index++) await find(`${index}.test`);
  for (let index = 1; index < 1001; index++) await find(`${index}.test`);
  assert.equal(asked.length, 1001);
  await find("0.test");
  assert.equal(asked.length, 1002);
});

/** A question that hangs until the gate opens. */
function heldQuestion() {
  const gate = new Gate();
  const signals: AbortSignal[] = [];
  const ask = async (signal: AbortSignal): Promise<FoundAddresses> => {
    signals.push(signal);
    await gate.pass();
    return { addresses: ["192.0.2.1"], ttlSeconds: 0 };
  };
  return { gate, signals, ask };
}

test("those who want one name at one time share a question", async () => {
  const cache = new DnsCache(new VirtualClock());
  const { gate, signals, ask } = heldQuestion();
  const all = [1, 2, 3].map(() => cache.find("a.test", ask, NEVER));
  gate.open();
  assert.deepEqual(await Promise.all(all), [["192.0.2.1"], ["192.0.2.1"], ["192.0.2.1"]]);
  assert.equal(signals.length, 1);
  await cache.find("a.test", ask, NEVER);
  assert.equal(signals.length, 2);
});

test("one who gives up leaves the question to the others; the last one ends it", async () => {
  const cache = new DnsCache(new VirtualClock());
  const { signals, gate, ask } = heldQuestion();
  const [first, second] = [new AbortController(), new AbortController()];
  const [one, two] = [first, second].map(({ signal }) => cache.find("a.test", ask, signal));
  const reasons = [new Error("first"), new Error("second")] as const;
  first.abort(reasons[0]);
  await assert.rejects(one!, reasons[0]);
  assert.equal(signals[0]?.aborted, false);
  second.abort(reasons[1]);
  await assert.rejects(two!, reasons[1]);
  assert.equal(signals[0]?.aborted, true);
  const late = cache.find("a.test", ask, NEVER);
  assert.equal(signals.length, 2);
  gate.open();
  assert.deepEqual(await late, ["192.0.2.1"]);
});

test("a failure reaches all who wait, and is not kept", async () => {
  const cache = new DnsCache(new VirtualClock());
  let asked = 0;
  const fail = () => Promise.reject(new Error(`failure ${++asked}`));
  const both = [1, 2].map(() => cache.find("a.test", fail, NEVER));
  for (const one of both) await assert.rejects(one, /failure 1/);
  await assert.rejects(cache.find("a.test", fail, NEVER), /failure 2/);
});

test("one who has given up already asks nothing", async () => {
  const { ask, signals } = heldQuestion();
  await assert.rejects(
    new DnsCache(new VirtualClock()).find("a.test", ask, AbortSignal.abort(new Error("no"))),
    /no/,
  );
  assert.equal(signals.length, 0);
});
