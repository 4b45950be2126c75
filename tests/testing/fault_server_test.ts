import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentBytes } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { RawClient } from "../helpers/sockets/raw_client.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

/** The status and the fields by lower-case name; a repeated one shows its last value. */
function parseHead(head: string): { status: number; fields: Record<string, string> } {
  const [statusLine = "", ...lines] = head.trimEnd().split("\r\n");
  const fields = lines.map((
    line,
  ) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.replace(/^\S+: /, "")]);
  return { status: Number(statusLine.split(" ")[1]), fields: Object.fromEntries(fields) };
}

test("a whole file, and its head alone", async () => {
  await using server = await FaultServer.start({ size: 1000, seed: 2 });
  using client = await RawClient.connect(server.url);
  client.request();
  const { status, fields } = parseHead(await client.head());
  assert.equal(status, 200);
  assert.equal(fields["content-length"], "1000");
  assert.equal(fields["accept-ranges"], "bytes");
  assert.match(fields["etag"] ?? "", /^"[^"]+"$/);
  assert.ok(Number.isFinite(Date.parse(fields["last-modified"] ?? "")));
  assert.deepEqual(new Uint8Array(await client.bytes(1000)), contentBytes(2, 0, 1000));

  client.request([], "HEAD");
  const head = parseHead(await client.head());
  assert.deepEqual([head.status, head.fields["content-length"]], [200, "1000"]);
  client.request(["Connection: close"]);
  assert.equal(parseHead(await client.head()).fields["connection"], "close");
  assert.equal((await client.rest()).length, 1000);
  assert.equal(await client.ending, "fin");
  assert.equal(server.connections, 1);
  assert.equal(server.bytesServed, 2000);
});

for (
  const [range, status, contentRange, start, end] of [
    ["bytes=0-9", 206, "bytes 0-9/1000", 0, 10],
    ["bytes=990-", 206, "bytes 990-999/1000", 990, 1000],
    ["bytes=-5", 206, "bytes 995-999/1000", 995, 1000],
    ["bytes=-5000", 206, "bytes 0-999/1000", 0, 1000],
    ["bytes=10-99999", 206, "bytes 10-999/1000", 10, 1000],
    ["bytes=1000-", 416, "bytes */1000", 0, 0],
    ["bytes=-0", 416, "bytes */1000", 0, 0],
    ["bytes=9-8", 200, undefined, 0, 1000],
    ["bytes=0-1,5-6", 200, undefined, 0, 1000],
    ["bytes=-", 200, undefined, 0, 1000],
    ["pages=1-2", 200, undefined, 0, 1000],
  ] as const
) {
  test(`Range: ${range} is answered with ${status} ${contentRange ?? ""}`, async () => {
    await using server = await FaultServer.start({ size: 1000, seed: 3 });
    using client = await RawClient.connect(server.url);
    client.request([`Range: ${range}`]);
    const head = parseHead(await client.head());
    assert.equal(head.status, status);
    assert.equal(head.fields["content-range"], contentRange);
    assert.equal(head.fields["content-length"], `${end - start}`);
    assert.deepEqual(new Uint8Array(await client.bytes(end - start)), contentBytes(3, start, end));
  });
}

test("a range of an empty file cannot be satisfied", async () => {
  await using server = await FaultServer.start({ size: 0 });
  using client = await RawClient.connect(server.url);
  client.request(["Range: bytes=0-99"]);
  const { status, fields } = parseHead(await client.head());
  assert.deepEqual([status, fields["content-range"]], [416, "bytes */0"]);
  client.request();
  assert.equal(parseHead(await client.head()).status, 200);
});

test("If-Range lets a range through for the same version only", async () => {
  await using server = await FaultServer.start({ size: 1000 });
  using client = await RawClient.connect(server.url);
  const { etag, lastModified } = server.version;
  const statusFor = async (ifRange: string | null): Promise<number> => {
    client.request(["Range: bytes=0-0", `If-Range: ${ifRange}`]);
    const { status, fields } = parseHead(await client.head());
    await client.bytes(Number(fields["content-length"]));
    return status;
  };
  assert.deepEqual(await statusFor(etag), 206);
  assert.deepEqual(await statusFor(lastModified), 206);
  assert.deepEqual(await statusFor('"other"'), 200);
  assert.deepEqual(await statusFor("Thu, 01 Jan 1970 00:00:00 GMT"), 200);
  server.set({ etag: 'W/"weak"' });
  assert.deepEqual(await statusFor('W/"weak"'), 200);
});

test("a changed file has other bytes and, unless told, other validators", async () => {
  await using server = await FaultServer.start({ size: 1000, seed: 1 });
  const before = server.version;
  server.set({ seed: 2 });
  const after = server.version;
  assert.ok(before.etag !== after.etag && before.lastModified !== after.lastModified);
  const response = await fetch(server.url);
  assert.equal(response.headers.get("etag"), after.etag);
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), contentBytes(2, 0, 1000));
  server.set({ seed: 3, size: 10, etag: null, lastModified: null });
  const bare = await fetch(server.url);
  assert.deepEqual([bare.headers.get("etag"), bare.headers.get("last-modified")], [null, null]);
  assert.equal((await bare.arrayBuffer()).byteLength, 10);
});

test("requests, connections and bytes are counted", async () => {
  await using server = await FaultServer.start({ size: 1000 });
  {
    using one = await RawClient.connect(server.url);
    using two = await RawClient.connect(server.url);
    one.send("GET /a?b=c HTTP/1.1\r\nHost: test\r\nX-Twice: 1\r\nx-twice: 2\r\nRange: bytes=5-9\r\n\r\n");
    await one.head();
    await one.bytes(5);
    two.request();
    await two.head();
    await two.bytes(1000);
  }
  await server.until(() => server.openConnections === 0);
  assert.deepEqual([server.connections, server.maxOpenConnections, server.bytesServed], [2, 2, 1005]);
  assert.deepEqual(server.rangesServed, [{ start: 5, end: 10 }, { start: 0, end: 1000 }]);
  const [first, second] = server.requests;
  assert.deepEqual([first?.method, first?.path, first?.status, first?.bodyBytes], ["GET", "/a?b=c", 206, 5]);
  assert.deepEqual([first?.headers["x-twice"], first?.range], ["1, 2", { start: 5, end: 10 }]);
  assert.deepEqual(first?.rawHeaders.slice(1, 3), [["X-Twice", "1"], ["x-twice", "2"]]);
  assert.deepEqual([second?.index, second?.range, second?.status], [1, undefined, 200]);
  assert.ok(first?.connection !== second?.connection);
});

test("pipelined requests are answered in order", async () => {
  await using server = await FaultServer.start({ size: 100 });
  using client = await RawClient.connect(server.url);
  client.request(["Range: bytes=0-0"]);
  client.request(["Range: bytes=1-1"]);
  for (const offset of [0, 1]) {
    assert.match(await client.head(), new RegExp(`Content-Range: bytes ${offset}-${offset}/100`));
    await client.bytes(1);
  }
});

test("a client that does not read holds the server back and still gets every byte", async () => {
  const size = 64 * 1024 * 1024;
  await using server = await FaultServer.start({ size, seed: 5 });
  using client = await RawClient.connect(server.url);
  client.request();
  await client.head();
  client.pause(true);
  // Real time, in which a server that does not wait would send all of it.
  await sleep(100);
  assert.ok(server.bytesServed < size, "everything was sent to a client that did not read");
  client.pause(false);
  for (let offset = 0; offset < size; offset += 1024 * 1024) {
    const [found, expected] = [
      await client.bytes(1024 * 1024),
      contentBytes(5, offset, offset + 1024 * 1024),
    ];
    assert.equal(Buffer.compare(found, expected), 0, `wrong within the MiB at ${offset}`);
  }
});

test("rubbish and other methods are refused", async () => {
  await using server = await FaultServer.start({ size: 10 });
  for (
    const [text, status] of [["rubbish\r\n\r\n", 400], [
      "POST / HTTP/1.1\r\nHost: test\r\n\r\n",
      405,
    ]] as const
  ) {
    using client = await RawClient.connect(server.url);
    client.send(text);
    assert.equal(parseHead(await client.head()).status, status);
    assert.equal(await client.ending, "fin");
  }
});

test("until resolves when its condition comes true, and rejects when the server stops", async () => {
  const server = await FaultServer.start({ size: 10 });
  await server.until(() => true);
  const requested = server.until(() => server.requests.length === 1);
  await (await fetch(server.url)).arrayBuffer();
  await requested;
  const never = assert.rejects(server.until(() => false), /stopped/);
  await server.stop();
  await never;
  await assert.rejects(server.until(() => false), /stopped/);
});

test("stop closes every connection and frees the port", WITH_REFUSALS, async () => {
  const server = await FaultServer.start({ size: 10, respond: () => ({ never: true }) });
  using client = await RawClient.connect(server.url);
  client.request();
  await server.until(() => server.requests.length === 1);
  await server.stop();
  await client.ending;
  assert.equal(server.openConnections, 0);
  await assert.rejects(RawClient.connect(server.url));
});

test("the server stops by itself after its lifetime", async () => {
  await using server = await FaultServer.start({ size: 10, maxLifetimeMs: 20 });
  await assert.rejects(server.until(() => false), /stopped/);
});

test("what respond throws is thrown by stop", async () => {
  const server = await FaultServer.start({
    size: 10,
    respond: () => {
      throw new Error("unexpected request");
    },
  });
  using client = await RawClient.connect(server.url);
  client.request();
  assert.equal(await client.head(), "");
  await assert.rejects(server.stop(), /unexpected request/);
});
