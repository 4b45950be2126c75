import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedRequest, Reply } from "../../../testing/mod.ts";
import { KEPT, Scene } from "../../helpers/scenes/scene.ts";
import { until } from "../../helpers/until.ts";

const SEED = 31;
const MIB = 2 ** 20;

/** Whether a request that the server serves is not served yet. */
function isActive({ range, bodyBytes }: RecordedRequest): boolean {
  return bodyBytes < range!.end - range!.start;
}

/** What a server does that cannot send parts. */
const WHOLE: Reply = { status: 200, headers: { "Accept-Ranges": undefined } };

for (const connections of [2, 4, 8]) {
  test(`${connections} connections are used, each for its share`, async () => {
    const size = 4 * MIB;
    const throttle = 2 * size / connections;
    await using scene = await Scene.open({ size, seed: SEED, respond: () => ({ throttle }) });
    const handle = scene.download({ maxConnections: connections, pieceSize: 65_536 });
    let seen = 0;
    for await (const snapshot of handle) seen = Math.max(seen, snapshot.connections);
    const result = await scene.completed(handle);
    const { server } = scene;
    assert.equal(result.fetchedBytes, size);
    assert.deepEqual([server.maxOpenConnections, server.connections, seen], [
      connections,
      connections,
      connections,
    ]);
    assert.equal(server.bytesServed, size);
    const shares = new Map<number, number>();
    for (const { connection, bodyBytes } of server.requests) {
      shares.set(connection, (shares.get(connection) ?? 0) + bodyBytes);
    }
    assert.ok(
      [...shares.values()].every((bytes) => bytes > size / connections / 8),
      `${[...shares.values()]}`,
    );
  });
}

test("64 leases over 4 connections open 4 TCP connections", async () => {
  const step = 32_768;
  const size = 64 * step;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    // A client that opens a connection takes another one that falls idle meanwhile, and has one more in the end.
    respond: ({ range, index }) => ({
      ...(index < 4 ? { throttle: step * 3 } : {}),
      range: { start: range!.start, end: Math.min(range!.end, range!.start + step) },
    }),
  });
  const result = await scene.complete({ maxConnections: 4, minSegmentSize: step });
  const { server } = scene;
  assert.equal(result.fetchedBytes, size);
  assert.equal(server.bytesServed, size);
  assert.ok(server.requests.length >= 64, `${server.requests.length} requests`);
  assert.deepEqual([server.connections, server.maxOpenConnections], [4, 4]);
});

for (const [name, size, connections] of [["below", 2 * MIB - 1, 1], ["of", 2 * MIB, 4]] as const) {
  test(`a file ${name} minSplitSize is fetched over ${connections} connections`, async () => {
    await using scene = await Scene.open({ size, seed: SEED, respond: () => ({ throttle: 8 * MIB }) });
    await scene.complete({ maxConnections: 4, minSplitSize: 2 * MIB });
    assert.equal(scene.server.connections, connections);
    assert.equal(scene.server.bytesServed, size);
  });
}

test("a lone connection asks for everything at once", async () => {
  await using scene = await Scene.open({ size: 4 * MIB, seed: SEED });
  await scene.complete({ maxConnections: 1 });
  assert.deepEqual(scene.server.requests.map(({ headers }) => headers["range"]), ["bytes=0-"]);
});

for (const size of [1, 16_383, 16_384, 65_537, MIB - 1, MIB, MIB + 1, MIB + 16_384, 3 * MIB + 1]) {
  for (const [maxConnections, pieceSize] of [[1, 16_384], [4, 16_384], [256, 100_000]] as const) {
    test(`${size} bytes, ${maxConnections} connections, pieces of ${pieceSize}: every byte once`, async () => {
      await using scene = await Scene.open({ size, seed: SEED });
      const result = await scene.complete({ maxConnections, pieceSize });
      assert.deepEqual([result.fetchedBytes, result.resumedBytes, result.lengthVerified], [size, 0, true]);
      const { requests } = scene.server;
      // Where the file ends with the first range another request tells that it is no part.
      const isAskedTwice = size === MIB && maxConnections > 1;
      assert.equal(requests.filter(({ headers }) => !("range" in headers)).length, isAskedTwice ? 1 : 0);
      const ranges = requests
        .flatMap(({ range }) => range ?? [])
        .sort((a, b) => a.start - b.start);
      // On a busy machine a connection may be slow enough to be helped, and what it was to fetch is requested again.
      const isHelped = scene.wasTold("debug", /another connection takes over/);
      for (const [index, { end }] of ranges.entries()) {
        const next = ranges[index + 1]?.start ?? size;
        if (isHelped) assert.ok(next <= end, `nobody fetches ${end} to ${next}`);
        else assert.equal(next, end);
      }
    });
  }
}

test("a server without ranges: one stream", async () => {
  const size = 3 * MIB;
  await using scene = await Scene.open({ size, seed: SEED, respond: () => WHOLE });
  const result = await scene.complete({ maxConnections: 4 });
  assert.deepEqual([result.fetchedBytes, result.lengthVerified], [size, true]);
  assert.deepEqual([scene.server.requests.length, scene.server.connections], [1, 1]);
});

test("a server without ranges: what was cut comes once more, and later requests ask for no range", async () => {
  const size = 400_000;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    respond: ({ index }) => index === 0 ? { ...WHOLE, silentAfter: 300_000 } : WHOLE,
  });
  const handle = scene.download({ maxConnections: 4, readTimeoutMs: 250 });
  await until(() => handle.snapshot.downloaded === 300_000);
  const result = await scene.completed(handle);
  assert.deepEqual([result.fetchedBytes, handle.snapshot.downloaded], [size + 300_000, size]);
  assert.equal(scene.server.requests[1]?.headers["range"], undefined);
});

test("a server without ranges and validators: what was cut is forgotten", async () => {
  const size = 400_000;
  const nameless = { ...WHOLE, etag: null, lastModified: null };
  await using scene = await Scene.open({
    size,
    seed: SEED,
    respond: ({ index }) => index === 0 ? { ...nameless, seed: SEED + 1, silentAfter: 300_000 } : nameless,
  });
  const handle = scene.download({ readTimeoutMs: 250 });
  await until(() => handle.snapshot.downloaded === 300_000);
  assert.equal((await scene.completed(handle)).fetchedBytes, size + 300_000);
});

test("a server without ranges that is always cut at the same byte: that is no progress", async () => {
  await using scene = await Scene.open({
    size: 400_000,
    seed: SEED,
    respond: () => ({ ...WHOLE, silentAfter: 300_000 }),
  });
  await scene.fail("timeout", { maxRetries: 2, readTimeoutMs: 150 });
  assert.equal(scene.server.requests.length, 3);
  await scene.assertLeft([]);
  scene.respond = () => WHOLE;
  await scene.complete();
});

/** Ends early in a way that both runtimes hand over to the last byte. */
function short({ range }: RecordedRequest, bytes: number): Reply {
  return { chunked: true, bodyLength: Math.min(bytes, range!.end - range!.start) };
}

test("retries are counted since the last progress", async () => {
  const bodyBytes = 50_000;
  const bodies = 20;
  const refusals = 2;
  await using scene = await Scene.open({
    size: bodies * bodyBytes,
    seed: SEED,
    respond: (request) => request.index % (1 + refusals) === 0 ? short(request, bodyBytes) : { status: 502 },
  });
  // A short body is a failure as well.
  await scene.complete({ maxRetries: 1 + refusals });
  // The refusals come between two bodies, and none after the last one.
  assert.equal(scene.server.requests.length, bodies + (bodies - 1) * refusals);
});

test("retries end at maxRetries failures in a row after the last progress", async () => {
  await using scene = await Scene.open({
    size: 1_000_000,
    seed: SEED,
    respond: (request) => request.index < 5 ? short(request, 50_000) : { status: 502 },
  });
  const { downloaded } = await scene.fail("http_status", { maxRetries: 4 });
  assert.equal(downloaded, 250_000);
  // That the fifth body was short is the first of the failures.
  assert.equal(scene.server.requests.length, 5 + 4);
  await scene.assertLeft(KEPT);
});

for (const [place, index] of [["first", 0], ["second", 1]] as const) {
  test(`maxRetries 0: the ${place} request is not tried again`, async () => {
    await using scene = await Scene.open({
      size: 1_000_000,
      seed: SEED,
      respond: (request) => request.index < index ? { range: { start: 0, end: 300_000 } } : { status: 503 },
    });
    await scene.fail("http_status", { maxRetries: 0 });
    // Before the first one fails the whole file is asked for, too.
    assert.deepEqual(scene.starts(), index === 0 ? [0, undefined] : [0, 300_000, undefined]);
    await scene.assertLeft(index === 0 ? [] : KEPT);
  });
}

for (
  const [name, failure] of [
    ["is refused", { refuse: true }],
    ["gets 502", { status: 502 }],
    ["gets 404", { status: 404 }],
  ] as const
) {
  test(`one connection ${name} for good: the others finish`, async () => {
    const size = 4 * MIB;
    await using scene = await Scene.open({
      size,
      seed: SEED,
      respond: ({ index }) => index === 2 ? failure : { throttle: 4 * MIB },
    });
    const result = await scene.complete({ maxConnections: 4, maxRetries: 0 });
    assert.equal(result.fetchedBytes, size);
    assert.equal(scene.server.bytesServed, size);
  });
}

test("the first connection fails for good: it does not come back, and the other one finishes", async () => {
  const size = 3 * MIB;
  let most = 0;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    respond: (request) => {
      if (request.index === 0) return short(request, 100_000);
      most = Math.max(most, scene.server.requests.slice(1).filter(isActive).length);
      return { throttle: 8 * MIB };
    },
  });
  const result = await scene.complete({ maxConnections: 2, maxRetries: 0 });
  assert.equal(result.fetchedBytes, size);
  assert.equal(most, 1);
});

test("every connection fails for good: the last failure is told, progress kept", async () => {
  const size = 4 * MIB;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    respond: (request) => request.index < 4 ? short(request, 20_000) : { status: 502 },
  });
  const spec = { maxConnections: 4, pieceSize: 65_536, maxRetries: 1 };
  const { error, downloaded } = await scene.fail("http_status", spec);
  assert.equal(error.retryable, true);
  assert.equal(downloaded, 4 * 20_000);
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  const result = await scene.complete(spec);
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [downloaded, size - downloaded]);
});

test("a failure that no retry helps ends every connection", async () => {
  await using scene = await Scene.open({
    size: 4 * MIB,
    seed: SEED,
    respond: ({ index }) => index === 3 ? { etag: '"another"' } : { silentAfter: 20_000 },
  });
  const startedMs = performance.now();
  await scene.fail("remote_changed", { maxConnections: 4, pieceSize: 65_536 });
  assert.ok(performance.now() - startedMs < 2000, "one connection went on");
  await scene.server.until(() => scene.server.openConnections <= 1);
  assert.equal(scene.server.requests.length, 4);
});

for (const status of [429, 503]) {
  test(`${status}, again and again: fewer connections until the server bears them`, async () => {
    const size = 6 * MIB;
    const served: RecordedRequest[] = [];
    let most = 0;
    await using scene = await Scene.open({
      size,
      seed: SEED,
      respond: (request) => {
        const active = served.filter(isActive).length;
        if (active >= 3) return { status };
        served.push(request);
        most = Math.max(most, active + 1);
        return { throttle: 8 * MIB };
      },
    });
    const result = await scene.complete({ maxConnections: 16, pieceSize: 262_144 });
    assert.equal(result.fetchedBytes, size);
    assert.equal(most, 3);
    assert.ok(scene.wasTold("info", /overloaded; continuing with 8 connections/));
  });
}
