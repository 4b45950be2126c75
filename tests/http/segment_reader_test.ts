import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block } from "../../src/lib/block.ts";
import { DownloadError } from "../../src/errors.ts";
import { MemoryBudget } from "../../src/flow/memory_budget.ts";
import { RateLimit, TokenBucket } from "../../src/flow/token_bucket.ts";
import {
  openSegment,
  type SegmentReader,
  type SegmentRequest,
  type TransportOptions,
} from "../../src/http/segment_reader.ts";
import { callerWith } from "../helpers/caller.ts";
import { contentBytes, seededRandom } from "../../testing/content.ts";
import { plainClient } from "../helpers/client_options.ts";
import { FaultServer, type FaultServerOptions } from "../../testing/mod.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

const SEED = 1;
const SIZE = 300_000;
const never = (): AbortSignal => new AbortController().signal;

/** A server, a client, time that the test owns, and a limit that is not set yet. */
class Scene implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly bucket = new TokenBucket(this.clock, 0);
  readonly client = plainClient();
  readonly server: FaultServer;

  private constructor(server: FaultServer) {
    this.server = server;
  }

  static async start(options: Partial<FaultServerOptions> = {}): Promise<Scene> {
    return new Scene(await FaultServer.start({ size: SIZE, seed: SEED, ...options }));
  }

  open(
    request: Partial<SegmentRequest> = {},
    options: Partial<TransportOptions> = {},
  ): Promise<SegmentReader> {
    return openSegment({
      client: this.client,
      clock: this.clock,
      throttle: new RateLimit(this.bucket),
      userAgent: "bytehaul/test",
      allowDowngrade: false,
      connectTimeoutMs: 30_000,
      readTimeoutMs: 1000,
      ...options,
    }, {
      target: { url: this.server.url, isTrusted: true },
      caller: callerWith(new Headers()),
      range: { start: 0, end: SIZE },
      ifRange: undefined,
      signal: never(),
      ...request,
    });
  }

  /** Resolves once the server has no connection any more. */
  closed(): Promise<void> {
    return this.server.until(() => this.server.openConnections === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    this.client.close();
  }
}

const newBlock = (length: number): Block => ({ bytes: new Uint8Array(length) });

/** Reads `length` bytes, or all there are, in reads of up to `limit()`. */
async function readOn(
  reader: SegmentReader,
  limit: () => number = () => 65_536,
  length = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const block = newBlock(65_536);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let left = length; left > 0;) {
    const wanted = Math.min(left, limit());
    const got = await reader.read(block, wanted);
    assert.ok(got <= wanted, `${got} of ${wanted}`);
    assert.equal(block.bytes.length, 65_536, "a block is always all of its memory");
    if (got === 0) break;
    parts.push(block.bytes.slice(0, got));
    left -= got;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function failsWith(code: string, result: Promise<unknown>): Promise<DownloadError> {
  let error: unknown;
  try {
    await result;
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof DownloadError, `it should have failed with ${code}: ${error}`);
  assert.equal(error.code, code, error.message);
  return error;
}

test("a body arrives whole in reads of any size", async () => {
  await using scene = await Scene.start();
  const random = seededRandom(3);
  for (const limit of [() => 65_536, () => 1000, () => 1 + Math.floor(random() * 5000)]) {
    const reader = await scene.open();
    assert.deepEqual([reader.status, reader.headers.get("content-range")], [
      206,
      `bytes 0-${SIZE - 1}/${SIZE}`,
    ]);
    assert.deepEqual(await readOn(reader, limit), contentBytes(SEED, 0, SIZE));
    assert.equal(await reader.finish(), true);
  }
  assert.equal(scene.clock.sleepers, 0, "no timer is left");
});

test("a body that comes in small parts arrives whole", async () => {
  await using scene = await Scene.start({ size: 5000, respond: () => ({ chunked: true, chunkSize: 7 }) });
  const reader = await scene.open({ range: { start: 0, end: 5000 } });
  assert.deepEqual(await readOn(reader, () => 1024), contentBytes(SEED, 0, 5000));
});

test("a request asks for what it is given, and says who asks", async () => {
  await using scene = await Scene.start();
  const headers = new Headers({ "x-key": "k" });
  (await scene.open({ range: { start: 5, end: 100 }, ifRange: '"v"', caller: callerWith(headers) }))
    .close();
  const caller = callerWith(new Headers({ "user-agent": "me" }));
  (await scene.open({ range: { start: 5, end: Infinity }, caller }))
    .close();
  (await scene.open({ range: undefined })).close();
  const sent = scene.server.requests.map((
    { headers: it },
  ) => [it["range"], it["if-range"], it["user-agent"]]);
  assert.deepEqual(sent, [
    ["bytes=5-99", '"v"', "bytehaul/test"],
    ["bytes=5-", undefined, "me"],
    [undefined, undefined, "bytehaul/test"],
  ]);
  assert.ok(scene.server.requests.every(({ headers: it }) => it["accept-encoding"] === "identity"));
  assert.equal(scene.server.requests[0]?.headers["x-key"], "k");
});

test("a response without a body ends at once", async () => {
  await using scene = await Scene.start({ respond: () => ({ status: 204 }) });
  const reader = await scene.open();
  assert.equal(reader.status, 204);
  assert.equal(await reader.read(newBlock(10), 10), 0);
  assert.equal(await reader.finish(), true);
});

test("finish() lets the connection serve the next request", async () => {
  await using scene = await Scene.start();
  for (let start = 0; start < 50_000; start += 10_000) {
    const range = { start, end: start + 10_000 };
    const reader = await scene.open({ range });
    assert.deepEqual(reader.target, { url: scene.server.url, isTrusted: true });
    await scene.clock.advance(100_000); // until somebody reads, no time counts
    assert.deepEqual(await readOn(reader, () => 4096, 10_000), contentBytes(SEED, start, start + 10_000));
    assert.equal(await reader.finish(), true);
  }
  assert.deepEqual([scene.server.requests.length, scene.server.connections], [5, 1]);
});

test("8: finish() finds a surplus and closes the connection", async () => {
  await using scene = await Scene.start({
    respond: () => ({ chunked: true, silentAfter: 20_000, bodyLength: 30_000 }),
  });
  const reader = await scene.open({ range: { start: 0, end: 10_000 } });
  assert.deepEqual(await readOn(reader, () => 4096, 10_000), contentBytes(SEED, 0, 10_000));
  assert.equal(await reader.finish(), false);
  await scene.closed();
});

test("finish() gives up on a body that does not end, and closes the connection", async () => {
  await using scene = await Scene.start({ respond: () => ({ chunked: true, silentAfter: 10_000 }) });
  const reader = await scene.open({ range: { start: 0, end: 10_000 } }, { readTimeoutMs: 60_000 });
  await readOn(reader, () => 4096, 10_000);
  const finished = reader.finish();
  await scene.clock.advance(1000);
  assert.equal(await finished, false);
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});

test("close() ends the connection in the middle of a body", async () => {
  await using scene = await Scene.start({ respond: () => ({ silentAfter: 1000 }) });
  const reader = await scene.open();
  await readOn(reader, () => 1000, 1000);
  reader.close();
  reader.close();
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});

test("28: no head within the time is a timeout, and closes the connection", async () => {
  await using scene = await Scene.start({ respond: () => ({ never: true }) });
  const opened = failsWith("timeout", scene.open());
  await scene.server.until(() => scene.server.requests.length === 1);
  await scene.clock.advance(30_000);
  const error = await opened;
  assert.equal(error.retryable, true);
  assert.match(error.message, /127\.0\.0\.1:\d+ did not answer within 30 s/);
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});

test("29: a silent body is a timeout, also where it is far shorter than that of the head", async () => {
  await using scene = await Scene.start({ respond: () => ({ silentAfter: 1000 }) });
  const reader = await scene.open();
  assert.deepEqual(await readOn(reader, () => 1000, 1000), contentBytes(SEED, 0, 1000));
  await scene.clock.advance(100_000);
  let isOver = false;
  const read = failsWith("timeout", reader.read(newBlock(1000), 1000)).finally(() => isOver = true);
  await scene.clock.advance(999);
  assert.equal(isOver, false, "only silence while somebody reads counts");
  await scene.clock.advance(1);
  assert.equal((await read).retryable, true);
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});

test("25: a reset is a network error, and costs nothing that was read before", async () => {
  await using scene = await Scene.start({ respond: () => ({ resetAfter: 200_000, throttle: 20_000_000 }) });
  const pool = new MemoryBudget({ blockSize: 16_384, blocks: 2 });
  const reader = await scene.open();
  const kept: Uint8Array<ArrayBuffer>[] = [];
  const failed = (async () => {
    const block = await pool.take(never());
    try {
      for (;;) {
        const length = await reader.read(block, block.bytes.length);
        assert.ok(length > 0, "a reset is no end");
        kept.push(block.bytes.slice(0, length));
      }
    } finally {
      // Its memory may be lost; what the pool gives out next is whole all the same.
      pool.release(block);
    }
  })();
  const error = await failsWith("network", failed);
  assert.equal(error.retryable, true);
  const bytes = new Uint8Array(await new Blob(kept).arrayBuffer());
  assert.deepEqual(bytes, contentBytes(SEED, 0, bytes.length));
  assert.deepEqual([pool.tryTake(), pool.tryTake()].map((block) => block?.bytes.length), [16_384, 16_384]);
  reader.close();
});

test("31: a refused connection is told as such", WITH_REFUSALS, async () => {
  await using scene = await Scene.start();
  const { url } = scene.server;
  await scene.server.stop();
  const error = await failsWith("connect", scene.open({ target: { url, isTrusted: true } }));
  assert.equal(error.retryable, true);
});

test("79: no error shows the query of the URL", async () => {
  await using scene = await Scene.start({ respond: () => ({ refuse: true }) });
  const url = `${scene.server.url}?token=secret`;
  const error = await failsWith("network", scene.open({ target: { url, isTrusted: true } }));
  assert.ok(!`${error.message} ${error.cause}`.includes("secret"), `${error.message} ${error.cause}`);
});

test("80: an abort ends a request in every state with the signal's reason", async () => {
  await using scene = await Scene.start({
    respond: ({ index }) => index === 0 ? { never: true } : { silentAfter: 1000 },
  });
  const reason = new Error("enough");
  const early = new AbortController();
  const opening = scene.open({ signal: early.signal });
  await scene.server.until(() => scene.server.requests.length === 1);
  early.abort(reason);
  await assert.rejects(opening, reason);

  const late = new AbortController();
  const reader = await scene.open({ signal: late.signal });
  await readOn(reader, () => 1000, 1000);
  const reading = reader.read(newBlock(1000), 1000);
  late.abort(reason);
  await assert.rejects(reading, reason);
  reader.close();

  await assert.rejects(scene.open({ signal: AbortSignal.abort(reason) }), reason);
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});

/** Lets virtual time pass until `work` is done, and returns how much did. */
async function timeOf<T>(scene: Scene, work: Promise<T>): Promise<{ result: T; elapsedMs: number }> {
  const startMs = scene.clock.monotonicMs();
  let isDone = false;
  const done = () => isDone = true;
  work.then(done, done);
  while (!isDone) await scene.clock.advance(10);
  return { result: await work, elapsedMs: scene.clock.monotonicMs() - startMs };
}

test("a limit that is set in mid-body slows down the rest of it, byte for byte", async () => {
  await using scene = await Scene.start({ respond: () => ({ throttle: 1_000_000 }) });
  // The time of this test runs ahead of that of the network.
  const reader = await scene.open({}, { readTimeoutMs: 1e9 });
  assert.deepEqual(await readOn(reader, () => 1000, 100_000), contentBytes(SEED, 0, 100_000));
  scene.bucket.bytesPerSecond = 10_000;
  const { result, elapsedMs } = await timeOf(scene, readOn(reader));
  assert.deepEqual(result, contentBytes(SEED, 100_000, SIZE));
  // What the runtime had handed over when the limit came passes without it.
  assert.ok(elapsedMs > 5000, `200,000 bytes took ${elapsedMs} ms`);
  assert.equal(await reader.finish(), true);
  assert.deepEqual([scene.server.connections, scene.clock.sleepers], [1, 0]);
});

test("a limit that is set before keeps its rate, and the wait is no silence of the server", async () => {
  await using scene = await Scene.start({ size: 50_000 });
  scene.bucket.bytesPerSecond = 1000;
  const reader = await scene.open();
  const first = await readOn(reader, () => 1, 1);
  const { result, elapsedMs } = await timeOf(scene, readOn(reader, () => 4096, 19_999));
  assert.deepEqual([...first, ...result], [...contentBytes(SEED, 0, 20_000)]);
  assert.ok(elapsedMs > 19_000 && elapsedMs < 21_000, `20,000 bytes took ${elapsedMs} ms`);
  scene.bucket.bytesPerSecond = 0;
  assert.equal((await readOn(reader)).length, 30_000);
  assert.equal(await reader.finish(), true);
});

test("a wait for a limit that is far longer than a server may be silent is no timeout", async () => {
  await using scene = await Scene.start();
  scene.bucket.bytesPerSecond = 1;
  const reader = await scene.open();
  await readOn(reader, () => 1, 1);
  const { result, elapsedMs } = await timeOf(scene, readOn(reader, () => 1, 5));
  assert.deepEqual([result, elapsedMs], [contentBytes(SEED, 1, 6), 5000]);
  scene.bucket.bytesPerSecond = 0.1;
  assert.equal((await timeOf(scene, readOn(reader, () => 1, 2))).result.length, 2);
  reader.close();
});

test("80: an abort ends the wait for a limit", async () => {
  await using scene = await Scene.start({ respond: () => ({ silentAfter: 1000 }) });
  scene.bucket.bytesPerSecond = 1;
  const stop = new AbortController();
  const reader = await scene.open({ signal: stop.signal });
  await readOn(reader, () => 1, 1);
  const reading = reader.read(newBlock(1000), 1000);
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(reading, reason);
  reader.close();
  await scene.closed();
  assert.equal(scene.clock.sleepers, 0);
});
