import { skipWithout } from "../helpers/servers/programs.ts";
import { findWebfs, startWebfs } from "../helpers/servers/webfs.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const MIB = 2 ** 20;

testServer({
  name: "webfs",
  skip: await skipWithout("webfs", { webfs: findWebfs }),
  start: startWebfs,
  titles: {
    empty: "91 webfs answers 400 to a range of an empty file",
    small: "90 webfs answers 400 to a range that ends behind the file",
  },
  requests: { small: 2 },
  more: (server) => {
    testVisit("134 webfs: a file replaced within the second of its date", server, async (visit, server) => {
      const modified = new Date(Math.floor(Date.now() / 1000) * 1000);
      await server.put("young.bin", 5, LARGE, { modified });
      await visit.leave("young.bin", 3 * MIB);
      await server.put("young.bin", 6, LARGE, { modified });
      await visit.fetch("young.bin", 6, LARGE);
    });

    testVisit("131 webfs: a file that changed behind an old date", server, async (visit, server) => {
      await server.put("dated.bin", 7, LARGE);
      await visit.leave("dated.bin", 3 * MIB);
      await server.put("dated.bin", 8, LARGE);
      await visit.fetch("dated.bin", 8, LARGE);
    });
  },
});
