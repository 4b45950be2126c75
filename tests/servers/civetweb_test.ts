import { findCivetweb, startCivetweb } from "../helpers/servers/civetweb.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const MIB = 2 ** 20;

testServer({
  name: "CivetWeb",
  skip: await skipWithout("CivetWeb", { CivetWeb: findCivetweb }),
  start: startCivetweb,
  titles: {
    empty: "91 CivetWeb answers 206 and 0-0/0 to a range of an empty file, and sends no byte",
    small: "89 CivetWeb announces one byte more than the file has",
  },
  requests: { small: 2 },
  more: (server) => {
    testVisit(
      "134 CivetWeb: a file replaced within the second of its ETag",
      server,
      async (visit, server) => {
        const modified = new Date(Math.floor(Date.now() / 1000) * 1000);
        await server.put("young.bin", 5, LARGE, { modified });
        await visit.leave("young.bin", 3 * MIB);
        await server.put("young.bin", 6, LARGE, { modified });
        await visit.fetch("young.bin", 6, LARGE);
      },
    );

    testVisit("131 CivetWeb: a file that changed behind an old ETag", server, async (visit, server) => {
      await server.put("dated.bin", 7, LARGE);
      await visit.leave("dated.bin", 3 * MIB);
      await server.put("dated.bin", 8, LARGE);
      await visit.fetch("dated.bin", 8, LARGE);
    });
  },
});
