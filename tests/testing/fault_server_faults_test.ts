import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentBytes } from "../../testing/content.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { RawClient } from "../helpers/sockets/raw_client.ts";
import { WITH_RESETS } from "../helpers/wine.ts";

const SIZE = 1000;
const FIRST_100 = "Range: bytes=0-99";

interface Exchange {
  readonly server: FaultServer;
  readonly client: RawClient;
}

/** Lets a client send one request to a server that replies so. */
async function exchange(
  reply: Reply,
  look: (exchange: Exchange) => Promise<void>,
  lines: readonly string[] = [],
): Promise<void> {
  await using server = await FaultServer.start({ size: SIZE, seed: 1, respond: () => reply });
  using client = await RawClient.connect(server.url);
  client.request(lines);
  await look({ server, client });
}

/** Nothing says that a connection will stay open; one that is closed is closed within this real time. */
async function staysOpen(client: RawClient): Promise<boolean> {
  return await Promise.race([client.ending.then(() => false), sleep(40, true)]);
}

function text(start: number, end: number): string {
  return String.fromCharCode(...contentBytes(1, start, end));
}

async function take(client: RawClient, count: number): Promise<string> {
  return (await client.bytes(count)).toString("latin1");
}

test("reply: status 200 sends the whole file whatever was asked", () =>
  exchange({ status: 200 }, async ({ client }) => {
    assert.match(await client.head(), /^HTTP\/1.1 200 OK\r\n(?!.*Content-Range)/s);
    assert.equal(await take(client, SIZE), text(0, SIZE));
  }, [FIRST_100]));

test("reply: an error status has no content and keeps the connection", () =>
  exchange({ status: 503, headers: { "Retry-After": "1" } }, async ({ client, server }) => {
    const head = await client.head();
    assert.match(head, /^HTTP\/1.1 503 Service Unavailable\r\n.*Content-Length: 0\r\n.*Retry-After: 1\r\n/s);
    client.request();
    assert.match(await client.head(), /^HTTP\/1.1 503/);
    assert.deepEqual([server.connections, server.bytesServed], [1, 0]);
  }));

test("reply: a redirect", () =>
  exchange({ status: 302, headers: { Location: "/there" } }, async ({ client }) => {
    assert.match(await client.head(), /^HTTP\/1.1 302 Found\r\n.*Location: \/there\r\n/s);
  }));

test("reply: headers replace, repeat, join and remove", () =>
  exchange(
    { headers: { "content-LENGTH": ["1", "2"], etag: undefined, "X-Bytes": "\xff" } },
    async ({ client }) => {
      const head = await client.head();
      assert.match(head, /content-LENGTH: 1\r\ncontent-LENGTH: 2\r\nX-Bytes: \xff\r\n/);
      assert.ok(!/Content-Length/.test(head) && !/etag/i.test(head));
    },
  ));

test("reply: a raw head goes out as it is, after 1xx heads", () =>
  exchange(
    { rawHead: "HTTP/1.0 299 Own\nWords\r\n\r\n", informational: ["HTTP/1.1 103 Early Hints\r\nLink: </a>"] },
    async ({ client, server }) => {
      assert.equal(await client.head(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      assert.equal(await client.head(), "HTTP/1.0 299 Own\nWords\r\n\r\n");
      assert.equal(await take(client, SIZE), text(0, SIZE));
      assert.equal(server.requests[0]?.status, 299);
    },
  ));

test("reply: another range than was asked for", () =>
  exchange({ range: { start: 50, end: 60 } }, async ({ client, server }) => {
    assert.match(await client.head(), /206.*Content-Range: bytes 50-59\/1000\r\n/s);
    assert.equal(await take(client, 10), text(50, 60));
    assert.deepEqual(server.rangesServed, [{ start: 50, end: 60 }]);
  }, [FIRST_100]));

test("reply: another version", () =>
  exchange({ seed: 2, size: 2000, etag: '"two"' }, async ({ client, server }) => {
    assert.match(await client.head(), /206.*ETag: "two"\r\n.*Content-Range: bytes 0-99\/2000\r\n/s);
    assert.deepEqual(new Uint8Array(await client.bytes(100)), contentBytes(2, 0, 100));
    assert.equal(server.version.size, SIZE);
  }, [FIRST_100]));

test("reply: a body in place of the content", () =>
  exchange({ body: "<html>", headers: { "Content-Type": "text/html" } }, async ({ client, server }) => {
    assert.match(
      await client.head(),
      /206.*Content-Range: bytes 0-99\/1000\r\nContent-Length: 6\r\nContent-Type: text\/html/s,
    );
    assert.equal(await take(client, 6), "<html>");
    assert.deepEqual(server.rangesServed, []);
  }, [FIRST_100]));

test("reply: a body shorter than promised ends the connection", () =>
  exchange({ bodyLength: 40 }, async ({ client }) => {
    assert.match(await client.head(), /Content-Length: 100\r\n/);
    assert.equal((await client.rest()).toString("latin1"), text(0, 40));
    assert.equal(await client.ending, "fin");
  }, [FIRST_100]));

test("reply: a body longer than promised", () =>
  exchange({ bodyLength: 110 }, async ({ client }) => {
    assert.match(await client.head(), /Content-Length: 100\r\n/);
    assert.equal(await take(client, 110), text(0, 110));
    assert.ok(await staysOpen(client));
  }, [FIRST_100]));

const CHUNKS = `40\r\n${text(0, 64)}\r\n24\r\n${text(64, 100)}\r\n`;

for (
  const [name, reply, body, open] of [
    ["complete", {}, `${CHUNKS}0\r\n\r\n`, true],
    ["cut in place of the last chunk", { chunkedEnd: "cut" }, CHUNKS, false],
    ["cut before the last line break", { chunkedEnd: "no-last-crlf" }, `${CHUNKS}0\r\n`, false],
    ["cut within a chunk", { cutAfter: 80 }, `40\r\n${text(0, 64)}\r\n24\r\n${text(64, 80)}`, false],
    ["well terminated but short", { bodyLength: 10 }, `a\r\n${text(0, 10)}\r\n0\r\n\r\n`, true],
  ] as const
) {
  test(`reply: chunks, ${name}`, () =>
    exchange({ chunked: true, chunkSize: 64, ...reply }, async ({ client }) => {
      const head = await client.head();
      assert.ok(/Transfer-Encoding: chunked\r\n/.test(head) && !/Content-Length/.test(head));
      assert.equal(await take(client, body.length), body);
      assert.equal(await staysOpen(client), open);
      assert.equal((await Promise.race([client.bytes(1), sleep(0, "")])).length, 0);
    }, [FIRST_100]));
}

test("reply: a body that the end of the connection delimits", () =>
  exchange({ closeDelimited: true }, async ({ client }) => {
    const head = await client.head();
    assert.ok(/Connection: close\r\n/.test(head) && !/Content-Length|Transfer-Encoding/.test(head));
    assert.equal((await client.rest()).toString("latin1"), text(0, SIZE));
    assert.equal(await client.ending, "fin");
  }));

test("reply: cut after some bytes", () =>
  exchange({ cutAfter: 123 }, async ({ client, server }) => {
    assert.match(await client.head(), /Content-Length: 1000\r\n/);
    assert.equal((await client.rest()).toString("latin1"), text(0, 123));
    assert.equal(await client.ending, "fin");
    assert.equal(server.bytesServed, 123);
  }));

test("reply: reset after some bytes", WITH_RESETS, () =>
  exchange({ resetAfter: 123 }, async ({ client }) => {
    await client.head();
    assert.equal((await client.rest()).toString("latin1"), text(0, 123));
    assert.equal(await client.ending, "reset");
  }));

test("reply: silent after some bytes, the connection open", () =>
  exchange({ silentAfter: 123 }, async ({ client, server }) => {
    await client.head();
    assert.equal(await take(client, 123), text(0, 123));
    assert.ok(await staysOpen(client));
    assert.deepEqual([server.bytesServed, server.openConnections], [123, 1]);
  }));

test("reply: a fault behind the end of the body does not happen", () =>
  exchange({ cutAfter: SIZE + 1 }, async ({ client }) => {
    await client.head();
    await client.bytes(SIZE);
    assert.ok(await staysOpen(client));
  }));

test("reply: no head ever", () =>
  exchange({ never: true }, async ({ client, server }) => {
    await server.until(() => server.requests.length === 1);
    assert.ok(await staysOpen(client));
    assert.deepEqual([server.requests[0]?.status, server.openConnections], [0, 1]);
  }));

test("reply: refused", () =>
  exchange({ refuse: true }, async ({ client, server }) => {
    assert.equal(await client.head(), "");
    assert.equal(server.requests[0]?.status, 0);
  }));

test("reply: a head that comes late", () =>
  exchange({ delayMs: 60 }, async ({ client }) => {
    const startedMs = performance.now();
    assert.match(await client.head(), /^HTTP\/1.1 200/);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 50, `${tookMs} ms`);
  }));

test("reply: a delay ends with the server", () =>
  exchange({ delayMs: 60_000 }, async ({ server }) => {
    await server.until(() => server.requests.length === 1);
    const startedMs = performance.now();
    await server.stop();
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
  }));

test("reply: throttled, evenly", async () => {
  await using server = await FaultServer.start({ size: 100_000, respond: () => ({ throttle: 250_000 }) });
  using client = await RawClient.connect(server.url);
  const startedMs = performance.now();
  client.request();
  await client.head();
  for (const part of [1, 2, 3, 4]) {
    await client.bytes(25_000);
    const elapsedMs = performance.now() - startedMs;
    assert.ok(elapsedMs > part * 100 - 35, `quarter ${part} came after ${elapsedMs} ms`);
    assert.ok(elapsedMs < part * 100 + 1000, `quarter ${part} came after ${elapsedMs} ms`);
  }
});

test("reply: dripping byte by byte", () =>
  exchange({ dripMs: 15 }, async ({ client }) => {
    const startedMs = performance.now();
    await client.head();
    assert.equal(await take(client, 5), text(0, 5));
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 50, `${tookMs} ms`);
  }));

test("reply: chosen by request", async () => {
  await using server = await FaultServer.start({
    size: SIZE,
    respond: ({ index, range }) => index === 0 && range?.start === 10 ? { status: 500 } : undefined,
  });
  const options = { headers: { Range: "bytes=10-19" } };
  const statuses: number[] = [];
  for (let round = 0; round < 2; round++) {
    const response = await fetch(server.url, options);
    statuses.push(response.status);
    await response.arrayBuffer();
  }
  assert.deepEqual(statuses, [500, 206]);
});
