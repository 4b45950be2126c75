import assert from "node:assert/strict";
import { findAzurite, startAzurite } from "../helpers/servers/azurite.ts";
import { contentHash } from "../../testing/content.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const WRONG_MD5 = "AAAAAAAAAAAAAAAAAAAAAA==";

testServer({
  name: "Azurite",
  skip: await skipWithout("Azurite", { Azurite: findAzurite }),
  start: startAzurite,
  titles: {
    empty: "91 Azurite answers 416 and */0 to a range of an empty blob",
    changed: "95 Azurite answers 206 to If-Range with the ETag of another version",
  },
  more: (server) => {
    for (const [name, encoding] of [["stored.tar.gz", "gzip"], ["stored.bin", "identity"]] as const) {
      testVisit(`93 Azurite, stored with the encoding ${encoding}: ${name} stays as it is`, server, async (
        visit,
        server,
      ) => {
        await server.put(name, 5, LARGE, { headers: { "x-ms-blob-content-encoding": encoding } });
        await visit.fetch(name, 5, LARGE);
      });
    }

    testVisit("137 Azurite tells the MD5 of the blob in every part", server, async (visit, server) => {
      await server.put("summed.bin", 6, LARGE);
      const result = await visit.fetch("summed.bin", 6, LARGE);
      assert.equal(result.checksum, `md5:${contentHash(6, LARGE, "md5")}`);
      assert.equal(result.checksumSource, "x-ms-blob-content-md5");
    });

    testVisit(
      "100 Azurite tells a wrong MD5: the message says whose it is",
      server,
      async (visit, server) => {
        await server.put("wrong.bin", 7, LARGE);
        const fields = { "x-ms-blob-content-md5": WRONG_MD5 };
        await server.send("/wrong.bin?comp=properties", new Uint8Array(), fields);
        const { message } = await visit.fail("checksum_mismatch", "wrong.bin");
        assert.match(message, /x-ms-blob-content-md5/i);
        assert.ok(visit.requests.every(({ method }) => method === "GET"));
      },
    );
  },
});
