import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultServer } from "../../testing/mod.ts";
import { RawClient } from "../helpers/sockets/raw_client.ts";

test("a request of HTTP/1.0 is answered, and the connection ended", async () => {
  await using server = await FaultServer.start({ size: 1000 });
  using client = await RawClient.connect(server.url);
  client.send("GET /file.bin HTTP/1.0\r\nRange: bytes=10-19\r\n\r\n");
  assert.match(await client.head(), /^HTTP\/1\.1 206 .*Connection: close\r\n/s);
  await client.bytes(10);
  assert.equal(await client.ending, "fin");
});
