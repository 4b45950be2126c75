import assert from "node:assert/strict";
import { test } from "node:test";
import { shareSyncs } from "../../src/runtime/shared_sync.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

/** Syncs that end when they are told to. */
function hangingSyncs() {
  const begun: { readonly path: string; readonly end: PromiseWithResolvers<void> }[] = [];
  const sync = shareSyncs((path) => {
    const end = Promise.withResolvers<void>();
    begun.push({ path, end });
    return end.promise;
  });
  return { begun, sync };
}

test("who asks while a sync runs waits for the next one, together with all others who do", async () => {
  const { begun, sync } = hangingSyncs();
  const done: string[] = [];
  const ask = (name: string) => sync("/a").then(() => done.push(name));
  const asked = [ask("first"), ask("second"), ask("third")];
  assert.equal(begun.length, 1);
  begun[0]!.end.resolve();
  await settle();
  assert.deepEqual([done, begun.length], [["first"], 2]);
  asked.push(ask("fourth"));
  begun[1]!.end.resolve();
  await settle();
  assert.deepEqual([done, begun.length], [["first", "second", "third"], 3]);
  begun[2]!.end.resolve();
  await Promise.all(asked);
  const later = sync("/a");
  assert.equal(begun.length, 4);
  begun[3]!.end.resolve();
  await later;
});

test("directories do not wait for one another", async () => {
  const { begun, sync } = hangingSyncs();
  const synced = [sync("/a"), sync("/b")];
  assert.deepEqual(begun.map(({ path }) => path), ["/a", "/b"]);
  for (const { end } of begun) end.resolve();
  await Promise.all(synced);
});

test("a sync that fails does so for those who waited, too, and for nobody after them", async () => {
  const { begun, sync } = hangingSyncs();
  const first = sync("/a");
  const waiting = [sync("/a"), sync("/a")];
  begun[0]!.end.reject(new Error("one"));
  for (const failed of [first, ...waiting]) await assert.rejects(failed, /^Error: one$/);
  assert.equal(begun.length, 1);
  const later = sync("/a");
  begun[1]!.end.resolve();
  await later;
});
