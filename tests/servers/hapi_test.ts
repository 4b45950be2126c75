import { test } from "node:test";
import { findHapi, startHapi } from "../helpers/servers/hapi.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { Visit } from "../helpers/scenes/visit.ts";
import { LARGE, testServer } from "./common.ts";

const MIB = 2 ** 20;
const skip = await skipWithout("hapi", { hapi: findHapi });

testServer({
  name: "hapi",
  skip,
  start: () => startHapi(),
  titles: { empty: "91 hapi answers 204 to a request for an empty file" },
});

test("92 hapi closes every connection beyond the second", { skip, timeout: 30_000 }, async () => {
  await using server = await startHapi(2);
  await server.put("large.bin", 1, LARGE);
  await using visit = await Visit.open(server);
  visit.tap.allow(MIB);
  await visit.fetch("large.bin", 1, LARGE, { maxConnections: 8 }, async () => {
    await visit.tap.connected(8);
    visit.tap.release();
  });
});
