import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultServer } from "../../../testing/mod.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { Relay } from "../../helpers/sockets/relay.ts";

for (const port of [10080, 6000, 5060]) {
  test(`102 a server on port ${port}, which fetch is told not to ask, is reached`, async (context) => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const relay = await Relay.start(server.url, port).catch(() => undefined);
    if (relay === undefined) return context.skip("somebody else listens there");
    try {
      await reach.complete(relay.url);
      assert.equal(server.requests.length, 1);
    } finally {
      await relay[Symbol.asyncDispose]();
    }
  });
}
