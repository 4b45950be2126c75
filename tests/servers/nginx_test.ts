import assert from "node:assert/strict";
import { test } from "node:test";
import { findNginx } from "../helpers/servers/nginx.ts";
import { startNginxFiles } from "../helpers/servers/nginx_files.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { Visit } from "../helpers/scenes/visit.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const MIB = 2 ** 20;
/** Of a file from which every connection takes more than a second. */
const SLOW = 3 * MIB + 12_345;
const LIMIT_RATE = "400k";
const skip = await skipWithout("nginx that refuses", { nginx: findNginx });

testServer({
  name: "nginx without ETag",
  skip,
  start: () => startNginxFiles({ etag: false }),
  more: (server) => {
    testVisit("134 nginx without ETag: a file replaced within the second of its date", server, async (
      visit,
      server,
    ) => {
      const modified = new Date(Math.floor(Date.now() / 1000) * 1000);
      await server.put("young.bin", 5, LARGE, { modified });
      await visit.leave("young.bin", 3 * MIB);
      await server.put("young.bin", 6, LARGE, { modified });
      await visit.fetch("young.bin", 6, LARGE);
    });
  },
});

test(
  "92 nginx with limit_conn refuses connections beyond the second",
  { skip, timeout: 60_000 },
  async () => {
    const statuses = [401, 403, 404, 421, 429, 503, 509];
    const outcomes = await Promise.allSettled(statuses.map(async (status) => {
      await using server = await startNginxFiles({
        limitRate: LIMIT_RATE,
        refusals: { status, connections: 2 },
      });
      await server.put("slow.bin", 1, SLOW);
      await using visit = await Visit.open(server);
      const { fetchedBytes } = await visit.fetch("slow.bin", 1, SLOW, { maxConnections: 4 });
      assert.ok(fetchedBytes < SLOW + MIB / 2, `${fetchedBytes} bytes came for a file of ${SLOW}`);
    }));
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === "rejected" ? [`${statuses[index]}: ${outcome.reason}`] : []
    );
    assert.deepEqual(failures, []);
  },
);

for (const status of [429, 503]) {
  test(`136 nginx with limit_req answers ${status} to requests beyond five a second`, {
    skip,
    timeout: 60_000,
  }, async () => {
    await using server = await startNginxFiles({ refusals: { status, requests: "5r/s" } });
    await server.put("large.bin", 1, LARGE);
    await using visit = await Visit.open(server);
    const { fetchedBytes } = await visit.fetch("large.bin", 1, LARGE, {
      maxConnections: 8,
      retryBaseDelayMs: 200,
    });
    assert.ok(fetchedBytes < LARGE + MIB, `${fetchedBytes} bytes came for a file of ${LARGE}`);
  });
}
