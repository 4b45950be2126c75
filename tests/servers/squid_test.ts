import { test } from "node:test";
import { findNginx } from "../helpers/servers/nginx.ts";
import { startNginxFiles } from "../helpers/servers/nginx_files.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import type { RealServer } from "../helpers/servers/real_server.ts";
import { findSquid, Squid } from "../helpers/servers/squid.ts";
import { Visit } from "../helpers/scenes/visit.ts";
import { LARGE, testServer } from "./common.ts";

const MIB = 2 ** 20;
const skip = await skipWithout("squid", { squid: findSquid, nginx: findNginx });

testServer({
  name: "nginx through squid",
  skip,
  start: () => start(100),
});

for (const allowed of [1, 2, 3]) {
  test(
    `92 squid with maxconn answers 403 to connections beyond ${allowed}`,
    { skip, timeout: 60_000 },
    async () => {
      await using server = await start(allowed);
      await server.put("large.bin", 1, LARGE);
      await using visit = await Visit.open(server);
      visit.tap.allow(MIB);
      await visit.fetch("large.bin", 1, LARGE, { maxConnections: 8 }, async () => {
        await visit.tap.connected(8);
        visit.tap.release();
      });
    },
  );
}

async function start(connections: number): Promise<RealServer> {
  const origin = await startNginxFiles();
  const squid = await Squid.start(connections);
  return {
    url: origin.url,
    proxy: squid.url,
    put: (name, ...file) => origin.put(name, ...file),
    [Symbol.asyncDispose]: async () => {
      await squid[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}
