import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultServer } from "../../testing/mod.ts";
import { findNginx } from "../helpers/servers/nginx.ts";
import { startNginxFiles } from "../helpers/servers/nginx_files.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import type { RealServer } from "../helpers/servers/real_server.ts";
import { findVarnish, startVarnish } from "../helpers/servers/varnish.ts";
import { Visit } from "../helpers/scenes/visit.ts";
import { LARGE, testServer } from "./common.ts";

const MIB = 2 ** 20;
const skip = await skipWithout("Varnish", { Varnish: findVarnish, nginx: findNginx });

testServer({
  name: "Varnish before nginx",
  skip,
  start,
  titles: { empty: "91 Varnish answers 416 and */0 to a range of an empty file" },
});

test("136 Varnish answers 503 while its origin is away", { skip, timeout: 60_000 }, async () => {
  let away = 0;
  await using origin = await FaultServer.start({
    seed: 9,
    size: LARGE,
    respond: () => away-- > 0 ? { status: 503, delay: 0 } : undefined,
  });
  await using varnish = await startVarnish(origin.url, true);
  const server: RealServer = {
    url: varnish.origin,
    put: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  await using visit = await Visit.open(server);
  const handful = 6;
  visit.tap.allow(MIB);
  const { fetchedBytes } = await visit.fetch("file.bin", 9, LARGE, { maxConnections: 8 }, async () => {
    await visit.tap.exhausted();
    away = handful;
    visit.tap.release();
  });
  assert.ok(away <= 0, "the origin was asked while it was away");
  assert.ok(fetchedBytes < LARGE + MIB, `${fetchedBytes} bytes came for a file of ${LARGE}`);
});

async function start(): Promise<RealServer> {
  const origin = await startNginxFiles();
  const varnish = await startVarnish(origin.url);
  return {
    url: varnish.origin,
    put: async (name, ...file) => {
      await origin.put(name, ...file);
      await varnish.forget(`/${name}`);
    },
    [Symbol.asyncDispose]: async () => {
      await varnish[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}
