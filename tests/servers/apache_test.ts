import assert from "node:assert/strict";
import { test } from "node:test";
import { findApache, findModEvasive, startApache } from "../helpers/servers/apache.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { Visit } from "../helpers/scenes/visit.ts";
import { until } from "../helpers/until.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const MIB = 2 ** 20;

testServer({
  name: "Apache",
  skip: await skipWithout("Apache", { Apache: findApache }),
  start: () => startApache(),
  more: (server) => {
    for (const name of ["stored.tar.gz", "stored.tgz", "stored.gz"]) {
      testVisit(`93 Apache with AddEncoding: ${name} stays as it is`, server, async (visit, server) => {
        await server.put(name, 5, LARGE);
        await visit.fetch(name, 5, LARGE);
      });
    }

    testVisit("93 Apache with AddEncoding: interrupted and resumed", server, async (visit, server) => {
      await server.put("left.tar.gz", 6, LARGE);
      await visit.resume("left.tar.gz", 6, LARGE, await visit.leave("left.tar.gz", 3 * MIB));
    });

    testVisit("135 Apache: an ETag that is weak in the first second", server, async (visit, server) => {
      await server.put("young.bin", 7, LARGE, { modified: new Date() });
      // The first request does not ask for all of it, and the second gets the strong one.
      const early = () => untilStrong(`${server.url}/young.bin`);
      const saved = await visit.leave("young.bin", 4 * MIB, { maxConnections: 1, early });
      assert.ok(visit.requests.length > 1, "nothing was asked for when the ETag was strong");
      await visit.resume("young.bin", 7, LARGE, saved);
    });
  },
});

test(
  "92 Apache with mod_evasive answers 403 to whoever asks often",
  {
    skip: await skipWithout("mod_evasive", { Apache: findApache, mod_evasive: findModEvasive }),
    timeout: 60_000,
  },
  async () => {
    await using server = await startApache({ requestsPerSecond: 2 });
    await server.put("large.bin", 1, LARGE);
    await using visit = await Visit.open(server);
    await visit.fetch("large.bin", 1, LARGE, { maxConnections: 8, retryBaseDelayMs: 1000 });
  },
);

/** Resolves once the server has made up its mind about a young file. */
async function untilStrong(url: string): Promise<void> {
  let isStrong = false;
  const ask = async (): Promise<void> => {
    while (!isStrong) {
      isStrong = !(await fetch(url, { method: "HEAD" })).headers.get("etag")?.startsWith("W/");
    }
  };
  await Promise.all([ask(), until(() => isStrong)]);
}
