import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { contentHash } from "../../testing/content.ts";
import { findMoto, startMoto } from "../helpers/servers/moto.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { LARGE, testServer, testVisit } from "./common.ts";

const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");

testServer({
  name: "moto",
  skip: await skipWithout("moto", { moto: findMoto }),
  start: startMoto,
  titles: {
    empty: "91 moto answers 416 without Content-Range to a range of an empty object",
    changed: "95 moto answers 206 to If-Range with the ETag of another version",
  },
  more: (server) => {
    const STORED = [
      ["gzip", "stored.tar.gz"],
      ["x-gzip", "stored.tgz"],
      ["zstd", "stored.tar.zst"],
      ["none", "stored.bin"],
      ["UTF-8", "stored.txt"],
      ["aws-chunked,gzip", "streamed.tar.gz"],
    ] as const;
    for (const [encoding, name] of STORED) {
      testVisit(`93 moto, stored with Content-Encoding ${encoding}: ${name} stays as it is`, server, async (
        visit,
        server,
      ) => {
        await server.put(name, 5, LARGE, { headers: { "content-encoding": encoding } });
        await visit.fetch(name, 5, LARGE);
      });
    }

    testVisit("93 moto, stored with Content-Encoding gzip: page.html would be another file", server, async (
      visit,
      server,
    ) => {
      await server.put("page.html", 5, 1000, { headers: { "content-encoding": "gzip" } });
      const { message } = await visit.fail("bad_response", "page.html");
      assert.match(message, /contentEncoding/);
    });

    testVisit("137 moto tells a digest only without Range: that of an empty object is used", server, async (
      visit,
      server,
    ) => {
      const sha256 = contentHash(0, 0, "sha256");
      await server.put("summed.bin", 0, 0, {
        headers: { "x-amz-sdk-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": base64(sha256) },
      });
      const headers = { "x-amz-checksum-mode": "ENABLED" };
      const result = await visit.fetch("summed.bin", 0, 0, { headers });
      assert.equal(result.checksum, `sha256:${sha256}`);
      assert.equal(result.checksumSource, "x-amz-checksum-sha256");
    });
  },
});
