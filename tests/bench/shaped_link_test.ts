import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { type LinkShape, ShapedLink } from "../../bench/shaped_link.ts";

const BODY = new Uint8Array(64 * 1024).map((_, index) => index * 7);

/** Sends a byte through a link of this shape to a server that answers with the body, and takes what comes. */
async function fetchThrough(
  shape: LinkShape,
  { stopsAt = BODY.length }: { stopsAt?: number } = {},
): Promise<{ bytes: Uint8Array; seconds: number; link: ShapedLink }> {
  await using server = createServer((socket) => {
    socket.on("error", () => {}); // a client that goes away
    socket.once("data", () => socket.end(BODY));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await using link = await ShapedLink.open((server.address() as AddressInfo).port, () => shape);
  const client = connect(Number(new URL(link.origin).port), "127.0.0.1");
  const startedMs = performance.now();
  client.write("x");
  const bytes = new Uint8Array(BODY.length);
  let length = 0;
  for await (const chunk of client) {
    bytes.set(chunk, length);
    length += chunk.length;
    if (length === stopsAt) break;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  client.destroy();
  return { bytes: bytes.subarray(0, length), seconds, link };
}

test("all bytes come through in their order, and are counted", async () => {
  const { bytes, link } = await fetchThrough({});
  assert.deepEqual(bytes, BODY);
  assert.deepEqual([link.passedBytes, link.connections.length], [BODY.length, 1]);
});

test("a rate is kept", async () => {
  const { bytes, seconds } = await fetchThrough({ bytesPerSecond: 4 * BODY.length });
  assert.deepEqual(bytes, BODY);
  // A burst is at most 20 ms, and the last slice takes no time.
  assert.ok(seconds > 0.2, `it took ${seconds} s of 0.25 s`);
});

test("a delay is kept each way", async () => {
  const { bytes, seconds, link } = await fetchThrough({ delayMs: 50 });
  assert.deepEqual(bytes, BODY);
  assert.ok(seconds >= 0.099, `it took ${seconds} s`);
  const { requestAtMs, bodyAtMs } = link.connections[0]!;
  assert.ok(bodyAtMs! - requestAtMs! >= 99, `the body came after ${bodyAtMs! - requestAtMs!} ms`);
});

test("after so many bytes it stops", async () => {
  const stopsAt = 10_000;
  const { bytes, link } = await fetchThrough({ stopAfterBytes: stopsAt }, { stopsAt });
  assert.deepEqual(bytes, BODY.subarray(0, stopsAt));
  assert.equal(link.passedBytes, stopsAt);
});
