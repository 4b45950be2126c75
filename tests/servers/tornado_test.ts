import { skipWithout } from "../helpers/servers/programs.ts";
import { findTornado, TornadoServer } from "../helpers/servers/tornado.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const MIB = 2 ** 20;
const LATER = new Date("2021-01-01T00:00:00Z");

testServer({
  name: "Tornado",
  skip: await skipWithout("Tornado", { Tornado: findTornado }),
  start: TornadoServer.start,
  titles: {
    empty: "91 Tornado answers 416 and */0 to a range of an empty file",
    changed: "133 Tornado keeps the ETag of a file that changed between two runs",
  },
  more: (server) => {
    testVisit(
      "133 Tornado keeps the ETag of a file that changes within a run",
      server,
      async (visit, server) => {
        await server.put("changing.bin", 5, LARGE);
        visit.tap.allow(MIB);
        await visit.fetchChanging("changing.bin", 6, LARGE, async () => {
          await visit.tap.exhausted();
          await server.put("changing.bin", 6, LARGE, { modified: LATER });
          visit.tap.release();
        });
      },
    );

    testVisit("133 Tornado, started anew: what came stays", server, async (visit, server) => {
      await server.put("kept.bin", 7, LARGE);
      const saved = await visit.leave("kept.bin", 3 * MIB);
      await server.restart();
      visit.tap.moveTo(server.url);
      await visit.resume("kept.bin", 7, LARGE, saved);
    });
  },
});
