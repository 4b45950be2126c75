import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import { makeCertificate, WITH_OPENSSL } from "../helpers/sockets/certificate.ts";
import { seededRandom } from "../../testing/content.ts";
import type { RecordedRequest, Reply } from "../../testing/mod.ts";
import { Relay } from "../helpers/sockets/relay.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { COMPARED, FILE, REACHED, SEED, SHORT, SIZE } from "./half_way.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

/** Long enough for a busy machine, short enough for a test. */
const PATIENCE_MS = 250;

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  await using relay = await Relay.start("http://127.0.0.1:1/");
  return Number(new URL(relay.url).port);
}

const CUTS = [
  ["25 a reset in the body", "reset", {}],
  ["26 the end of the connection before Content-Length", "fin", {}],
  ["27 the end of the connection within chunks", "fin", { chunked: true }],
  ["27 a reset within chunks", "reset", { chunked: true }],
] as const;

for (const [name, how, framing] of CUTS) {
  test(`${name}: goes on from the byte reached`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => index === 0 ? { ...framing, silentAfter: REACHED } : framing,
    });
    await using relay = await Relay.start(scene.server.url);
    const handle = scene.download({ url: relay.url });
    await until(() => handle.snapshot.downloaded === REACHED);
    relay.cut(how);
    const result = await scene.completed(handle);
    assert.equal(result.fetchedBytes, SIZE);
    assert.deepEqual(scene.starts(), [0, REACHED]);
    assert.ok(scene.wasTold("info", /broke.*; try 2 in 0\.0 s$/));
  });

  test(`${name}, and no more tries: a later run goes on from the byte reached`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: () => ({ ...framing, silentAfter: REACHED }) });
    await using relay = await Relay.start(scene.server.url);
    const handle = scene.download({ url: relay.url, maxRetries: 0 });
    await until(() => handle.snapshot.downloaded === REACHED);
    relay.cut(how);
    const { error, downloaded } = await scene.failed("network", handle);
    assert.deepEqual([error.retryable, downloaded], [true, REACHED]);
    await scene.assertLeft(KEPT);
    scene.respond = () => framing;
    const result = await scene.complete({ url: relay.url });
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
    assert.deepEqual(scene.starts(), [0, REACHED - COMPARED]);
  });
}

for (const how of ["reset", "fin"] as const) {
  test(`25 every connection at once (${how}): each goes on from where it was`, async () => {
    const size = 4_000_000;
    await using scene = await Scene.open({
      size,
      seed: SEED,
      respond: ({ index }) => index < 4 ? { silentAfter: 50_000 + index } : undefined,
    });
    await using relay = await Relay.start(scene.server.url);
    const handle = scene.download({ url: relay.url, maxConnections: 4, pieceSize: 500_000 });
    await until(() => handle.snapshot.downloaded === 4 * 50_000 + 1 + 2 + 3);
    relay.cut(how);
    const result = await scene.completed(handle);
    assert.equal(result.fetchedBytes, size);
    const reached = scene.starts().slice(0, 4).map((start, index) => start! + 50_000 + index);
    assert.ok(reached.every((byte) => scene.starts(4).includes(byte)), `${reached} of ${scene.starts(4)}`);
  });
}

for (const chunkedEnd of ["cut", "no-last-crlf"] as const) {
  test(`27 a whole range in chunks whose end lacks (${chunkedEnd}): no byte is taken twice`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => ({ chunked: true, chunkedEnd: index < 2 ? chunkedEnd : "complete" }),
    });
    assert.equal((await scene.complete()).fetchedBytes, SIZE);
  });
}

test("27 a whole range in chunks, and silence in the place of their end: nothing is fetched again", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ chunked: true, silentAfter: SIZE }) });
  await scene.complete({ maxRetries: 0, readTimeoutMs: PATIENCE_MS });
  assert.equal(scene.server.requests.length, 1);
  await scene.server.until(() => scene.server.openConnections === 0);
});

for (
  const [name, cut] of [["within a chunk", { cutAfter: REACHED }], ["between chunks", {
    bodyLength: REACHED,
    chunkedEnd: "cut",
  }]] as const
) {
  test(`27 chunks without ranges and a length, cut ${name}: again from the first byte`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => ({ status: 200, chunked: true, ...index === 0 ? cut : {} }),
    });
    const result = await scene.complete();
    assert.equal(result.lengthVerified, false);
    assert.equal(scene.server.requests.length, 2);
  });
}

/** One fault, drawn from `random`, or none. */
function drawReply(random: () => number, { range }: RecordedRequest): Reply | undefined {
  // What has no ranges is fetched again from byte 0 on, by one connection.
  if (range === undefined) return { status: 503 };
  const after = Math.floor(random() * (range.end - range.start));
  const faults: readonly Reply[] = [
    { resetAfter: after },
    { cutAfter: after },
    { bodyLength: after },
    { bodyLength: after, chunked: true },
    { cutAfter: after, chunked: true },
    { refuse: true },
    { status: 500 },
    { range: { start: range.start, end: range.start + after + 1 } },
  ];
  return faults[Math.floor(random() * faults.length * 1.5)];
}

for (const seed of [1, 2, 3, 4]) {
  test(`25 all sorts of faults over four connections, seed ${seed}: no byte is taken twice`, async () => {
    const random = seededRandom(seed);
    const size = 4_000_000;
    await using scene = await Scene.open({ size, seed, respond: (request) => drawReply(random, request) });
    const result = await scene.complete({ maxConnections: 4, maxRetries: 100, retryMaxDelayMs: 5 });
    assert.equal(result.fetchedBytes, size);
  });
}

test("28 no head, once: asked again after connectTimeoutMs", async () => {
  await using scene = await Scene.open({ ...FILE, respond: ({ index }) => ({ never: index === 0 }) });
  await scene.complete({ connectTimeoutMs: PATIENCE_MS });
  const [first, second] = scene.server.requests;
  const tookMs = second!.receivedAtMs - first!.receivedAtMs;
  assert.ok(tookMs >= PATIENCE_MS - 5, `${tookMs} ms`);
  assert.deepEqual(scene.starts(), [0, undefined]);
});

test("28 no head, once, of a larger file: ranges are tried again, and progress can be kept", async () => {
  const size = 3_000_001;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    respond: ({ index }) => [{ never: true }, {}, SHORT, { status: 410 }][index],
  });
  await scene.fail("http_status", { connectTimeoutMs: PATIENCE_MS });
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  assert.equal((await scene.complete()).resumedBytes, REACHED);
  assert.deepEqual(scene.starts(), [0, undefined, 0, REACHED, REACHED - COMPARED]);
});

test("28 no head ever", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ never: true }) });
  const startedMs = performance.now();
  const { error } = await scene.fail("timeout", { connectTimeoutMs: PATIENCE_MS, maxRetries: 1 });
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 2 * PATIENCE_MS + 1000, `${tookMs} ms`);
  assert.equal(error.retryable, true);
  assert.deepEqual(scene.starts(), [0, undefined, 0]);
  await scene.assertLeft([]);
  await scene.server.until(() => scene.server.openConnections === 0);
  scene.respond = () => undefined;
  await scene.complete();
});

test("28 no head of a later response: progress is kept", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { never: true },
  });
  await scene.fail("timeout", { connectTimeoutMs: PATIENCE_MS, maxRetries: 1 });
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  assert.equal((await scene.complete()).resumedBytes, REACHED);
  assert.deepEqual(scene.starts(), [0, REACHED, undefined, REACHED - COMPARED]);
});

test("29 a body goes silent: goes on from the byte reached after readTimeoutMs", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? { silentAfter: REACHED } : undefined,
  });
  const result = await scene.complete({ readTimeoutMs: PATIENCE_MS });
  assert.equal(result.fetchedBytes, SIZE);
  assert.deepEqual(scene.starts(), [0, REACHED]);
  const [first, second] = scene.server.requests;
  const tookMs = second!.receivedAtMs - first!.receivedAtMs;
  assert.ok(tookMs >= PATIENCE_MS - 5, `${tookMs} ms`);
});

test("29 a body goes silent, and no more tries", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ silentAfter: REACHED }) });
  const { error, downloaded } = await scene.fail("timeout", { readTimeoutMs: PATIENCE_MS, maxRetries: 0 });
  assert.deepEqual([error.retryable, downloaded], [true, REACHED]);
  await scene.assertLeft(KEPT);
  await scene.server.until(() => scene.server.openConnections === 0);
  scene.respond = () => undefined;
  assert.equal((await scene.complete()).resumedBytes, REACHED);
  assert.deepEqual(scene.starts(), [0, REACHED - COMPARED]);
});

test("29 a body that is slow and never silent is not given up", async () => {
  const size = 100;
  await using scene = await Scene.open({ size, seed: SEED, respond: () => ({ dripMs: 5 }) });
  await scene.complete({ readTimeoutMs: 400, maxRetries: 0 });
  assert.equal(scene.server.requests.length, 1);
});

for (
  const [name, code, host, words] of [
    ["a refused connection", "connect", undefined, /refused/i],
    ["a host that has no address", "dns", "bytehaul.invalid", /could not be looked up/],
  ] as const
) {
  const skip = code === "connect" && WITH_REFUSALS.skip;
  test(`31 ${name} is an error that may pass`, { skip }, async () => {
    await using scene = await Scene.open(FILE);
    const url = `http://${host ?? `127.0.0.1:${await freePort()}`}/file.bin?token=hidden`;
    const { error } = await scene.fail(code, { url, maxRetries: 2 });
    assert.equal(error.retryable, true);
    assert.match(error.message, words);
    assert.equal(scene.messages.filter(({ message }) => /; try [23] in/.test(message)).length, 2);
    await scene.assertLeft([]);
    await scene.complete();
  });
}

test(
  "31 a certificate that nobody vouches for: nothing is sent, with or without a retry",
  WITH_OPENSSL,
  async () => {
    await using dir = await temporaryDirectory();
    await using scene = await Scene.open(FILE);
    const { cert, key } = await makeCertificate(dir.path);
    let requests = 0;
    const server = createServer({ cert: await readFile(cert), key: await readFile(key) }, (_, response) => {
      requests++;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const url = `https://127.0.0.1:${port}/file.bin`;
      const { error } = await scene.fail("tls", { url, maxRetries: 1 });
      assert.match(error.message, /certificate|issuer|verify|signed/i);
      assert.equal(requests, 0);
      await scene.assertLeft([]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  },
);

test("31 a server that comes up while it is asked", WITH_REFUSALS, async () => {
  await using scene = await Scene.open(FILE);
  const port = await freePort();
  const handle = scene.download({
    url: `http://127.0.0.1:${port}/file.bin`,
    maxRetries: 1000,
    retryMaxDelayMs: 20,
  });
  await until(() => scene.wasTold("info", /try 3 in/));
  await using _relay = await Relay.start(scene.server.url, port);
  await scene.completed(handle);
  assert.equal(scene.server.requests.length, 1);
});

test("31 a server that goes down half-way and comes up for a later run", WITH_REFUSALS, async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ silentAfter: REACHED }) });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/file.bin`;
  {
    await using relay = await Relay.start(scene.server.url, port);
    const handle = scene.download({ url, maxRetries: 2 });
    await until(() => handle.snapshot.downloaded === REACHED);
    await relay[Symbol.asyncDispose]();
    const { error, downloaded } = await scene.failed("connect", handle);
    assert.match(error.message, /refused/i);
    assert.equal(downloaded, REACHED);
  }
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  await using _relay = await Relay.start(scene.server.url, port);
  assert.equal((await scene.complete({ url })).resumedBytes, REACHED);
  assert.deepEqual(scene.starts(), [0, REACHED - COMPARED]);
});

for (
  const [name, code, reply] of [
    ["closes without an answer", "network", { refuse: true }],
    ["answers rubbish", "bad_response", { rawHead: "rubbish\r\n\r\n" }],
    ["sends a Content-Length that is no number", "bad_response", { headers: { "Content-Length": "many" } }],
    ["resets in the body", "network", { resetAfter: 10_000 }],
  ] as const
) {
  test(`31 the query of the URL is in no error and no message: a server that ${name}`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: () => reply });
    const { error } = await scene.fail(code, { url: `${scene.server.url}?token=hidden`, maxRetries: 0 });
    assert.equal(scene.server.requests[0]?.path, "/file.bin?token=hidden");
    const told = inspect([error, scene.messages], { depth: Infinity, showHidden: true });
    assert.ok(!told.includes("hidden"), told);
  });
}
