import assert from "node:assert/strict";
import { test } from "node:test";
import { contentHash } from "../../testing/content.ts";
import type { RecordedRequest, Reply } from "../../testing/mod.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";

const KIB = 1024;
const SIZE = 1_000_003;
const SEED = 131;
const OLD_DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER_DATE = "Sun, 06 Nov 1994 08:49:38 GMT";
const REACHED = 300_001;
const SHORT: Reply = { chunked: true, bodyLength: REACHED };
const SHA256 = `sha256:${contentHash(SEED, SIZE, "sha256")}`;

type Version = Pick<Reply, "etag" | "lastModified" | "seed">;

/** A scene whose file was begun while the server named it `version`. */
async function begun(version: Version, spec: { checksum?: string } = {}): Promise<Scene> {
  const scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => ({ ...SHORT, ...version }) });
  await scene.fail("network", { maxRetries: 0, ...spec });
  return scene;
}

const hasIfRange = ({ headers }: RecordedRequest) => headers["if-range"] !== undefined;

const NAMED = { etag: '"one"', lastModified: OLD_DATE };

for (
  const [name, answer] of [
    ["200 with the same ETag", (request) => hasIfRange(request) ? { status: 200 } : {}],
    ["304", (request) => hasIfRange(request) ? { status: 304 } : {}],
    ["412", (request) => hasIfRange(request) ? { status: 412 } : {}],
    ["400", (request) => hasIfRange(request) ? { status: 400 } : {}],
    ["501", (request) => hasIfRange(request) ? { status: 501 } : {}],
  ] as const satisfies readonly (readonly [string, (request: RecordedRequest) => Reply])[]
) {
  test(`95 If-Range is answered by ${name}: asked without it, the download goes on`, async () => {
    await using scene = await begun(NAMED);
    scene.respond = (request) => ({ ...NAMED, ...answer(request) });
    const result = await scene.complete();
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
    assert.deepEqual(scene.server.requests.slice(1).map(hasIfRange), [true, false]);
  });
}

test("95 an ETag that is not quoted, and 200 to it in If-Range", async () => {
  await using scene = await begun({ etag: "unquoted", lastModified: OLD_DATE });
  scene.respond = (request) => ({
    etag: "unquoted",
    lastModified: OLD_DATE,
    ...(hasIfRange(request) ? { status: 200 } : {}),
  });
  assert.equal((await scene.complete()).resumedBytes, REACHED);
});

const EDGES: readonly (readonly [name: string, of: (index: number) => Version])[] = [
  ["other ETags", (index) => ({ etag: `"edge-${index % 3}"` })],
  ["other dates", (index) => ({ etag: null, lastModified: index % 2 === 0 ? OLD_DATE : LATER_DATE })],
  ["weak ETags", (index) => ({ etag: `W/"${index}"`, lastModified: null })],
  ["ETags without quotes", (index) => ({ etag: `edge${index}`, lastModified: null })],
  ["no validator on some", (index) => index % 2 === 0 ? {} : { etag: null, lastModified: null }],
];

for (const [name, versionOf] of EDGES) {
  test(`96 edges with ${name} and a checksum, in one run: it decides`, async () => {
    await using scene = await Scene.open({
      size: 3_000_001,
      seed: SEED,
      respond: ({ index }) => ({ throttle: 8_000_000, ...versionOf(index) }),
    });
    const checksum = `sha256:${contentHash(SEED, 3_000_001, "sha256")}`;
    const result = await scene.complete({ checksum, maxConnections: 4 });
    assert.equal(result.fetchedBytes, 3_000_001);
  });

  test(`96 edges with ${name} and a checksum, in a later run: what is there is kept`, async () => {
    await using scene = await begun(versionOf(0), { checksum: SHA256 });
    scene.respond = () => versionOf(1);
    const result = await scene.complete({ checksum: SHA256 });
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
  });
}

test("96 another URL of the same file and a checksum: what is there is kept", async () => {
  await using scene = await begun(NAMED, { checksum: SHA256 });
  await using mirror = await FaultServer.start({ size: SIZE, seed: SEED, etag: '"mirror"' });
  const result = await scene.complete({ url: mirror.url, checksum: SHA256 });
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
});

test("96 what came from two URLs for a checksum to judge is nothing without one", async () => {
  await using scene = await begun(NAMED, { checksum: SHA256 });
  await using mirror = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: () => ({ chunked: true, bodyLength: 100_000 }),
  });
  await scene.fail("network", { url: mirror.url, checksum: SHA256, maxRetries: 0 });
  scene.respond = () => NAMED;
  assert.equal((await scene.complete()).resumedBytes, 0);
});

test("96 parts of two versions that do not match: the mixture is named, and the file is fetched anew from one source", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: ({ index, headers }) => {
      if (headers["range"] === undefined) return { etag: '"right"' };
      return index === 0 ? { ...SHORT, etag: '"right"' } : { etag: '"wrong"', seed: SEED + 1 };
    },
  });
  await scene.complete({ checksum: SHA256 });
  assert.ok(scene.wasTold("warn", /"right" and the ETag "wrong"/), JSON.stringify(scene.messages));
});

for (
  const [name, query, later] of [
    ["X-Amz", "X-Amz-Date=1&X-Amz-Signature=abc", "X-Amz-Date=2&X-Amz-Signature=def"],
    ["Azure", "sv=1&se=2&sig=abc", "sv=1&se=3&sig=def"],
    ["an expiry and a token", "expires=100&token=abc", "expires=200&token=def"],
  ] as const
) {
  test(`130 a URL signed again (${name}) of an object that changed: starts again, and says so`, async () => {
    await using scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => ({ ...SHORT, ...NAMED }) });
    await scene.fail("network", { url: `${scene.server.url}?${query}`, maxRetries: 0 });
    scene.respond = () => undefined;
    scene.server.set({ seed: SEED + 1, etag: '"two"', lastModified: LATER_DATE });
    const result = await scene.complete({ url: `${scene.server.url}?${later}` });
    assert.equal(result.resumedBytes, 0);
    assert.ok(scene.wasTold("warn", /changed; restarting/));
  });
}

test("130 another query that is no signature is another file", async () => {
  await using scene = await Scene.open({ size: SIZE, seed: SEED, respond: () => ({ ...SHORT, ...NAMED }) });
  await scene.fail("network", { url: `${scene.server.url}?id=1`, maxRetries: 0 });
  scene.respond = () => undefined;
  scene.server.set({ seed: SEED + 1, etag: '"two"', lastModified: LATER_DATE });
  await scene.fail("control_file", { url: `${scene.server.url}?id=2` });
});

for (const maxConnections of [1, 4]) {
  test(`131 old validators for a file that changed, ${maxConnections} connections: the bytes tell`, async () => {
    await using scene = await begun(NAMED);
    scene.respond = () => ({ ...NAMED, seed: SEED + 1 });
    scene.server.set({ seed: SEED + 1 });
    const result = await scene.complete({ maxConnections });
    assert.equal(result.resumedBytes, 0);
    assert.ok(scene.wasTold("warn", /other bytes/));
  });
}

test("131 the bytes that are compared cost no request, and are 64 KiB at most", async () => {
  await using scene = await begun(NAMED);
  scene.respond = () => NAMED;
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
  assert.deepEqual(scene.starts(1), [REACHED - 64 * KIB]);
});

test("131 nothing is there before the first missing byte: the next one is compared", async () => {
  await using scene = await Scene.open({
    size: 2 * SIZE, // the first request is for less, so that a second connection has something to fetch
    seed: SEED,
    respond: ({ index }) => index === 0 ? { silentAfter: 0, ...NAMED } : { throttle: 500_000, ...NAMED },
  });
  const handle = scene.download({ maxConnections: 2, readTimeoutMs: 60_000 });
  for await (const { downloaded } of handle) if (downloaded > 150_000) handle.pause();
  const before = scene.server.requests.length;
  scene.respond = () => ({ ...NAMED, seed: SEED + 1 });
  scene.server.set({ seed: SEED + 1 });
  const result = await scene.complete({ maxConnections: 2 });
  assert.equal(result.resumedBytes, 0);
  assert.ok(scene.starts(before)[0]! > 0);
});

test("133 equal ETags and another date, between two runs: starts again", async () => {
  await using scene = await begun(NAMED);
  scene.respond = () => undefined;
  scene.server.set({ seed: SEED + 1, ...NAMED, lastModified: LATER_DATE });
  assert.equal((await scene.complete()).resumedBytes, 0);
});

for (const maxConnections of [1, 3]) {
  test(`133 equal ETags and another date, within a run over ${maxConnections} connections`, async () => {
    await using scene = await Scene.open({
      size: SIZE,
      seed: SEED,
      respond: ({ index }) => index === 0 ? { ...SHORT, ...NAMED } : { ...NAMED, lastModified: LATER_DATE },
    });
    await scene.fail("remote_changed", { maxConnections });
  });
}

/** A date that many milliseconds before now. */
const ago = (ms: number): string => new Date(Date.now() - ms).toUTCString();

test("134 a date of this second and no ETag, replaced within it: the bytes tell", async () => {
  const lastModified = ago(0);
  await using scene = await begun({ etag: null, lastModified });
  scene.respond = () => undefined;
  scene.server.set({ seed: SEED + 1, etag: null, lastModified });
  assert.equal((await scene.complete()).resumedBytes, 0);
});

test("134 a date of this second and no ETag, and the file stayed: the download goes on", async () => {
  const lastModified = ago(0);
  await using scene = await begun({ etag: null, lastModified });
  scene.respond = () => ({ etag: null, lastModified });
  assert.equal((await scene.complete()).resumedBytes, REACHED);
});

test("134 a date of this second, several requests: asked again once the date is old enough", async () => {
  const lastModified = ago(0);
  const size = 3_000_001;
  await using scene = await Scene.open({
    size,
    seed: SEED,
    // Replaced within the second, after the first request.
    respond: ({ index }) => ({ etag: null, lastModified, seed: index === 0 ? SEED + 1 : SEED }),
  });
  await scene.complete({ maxConnections: 3 });
  assert.ok(scene.wasTold("info", /changed just now/));
});

test("134 a date that is old enough costs no request and no wait", async () => {
  await using scene = await Scene.open({
    size: 3_000_001,
    seed: SEED,
    respond: () => ({ etag: null, lastModified: ago(10_000) }),
  });
  const startedMs = performance.now();
  await scene.complete({ maxConnections: 1 });
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 2000, `${tookMs} ms`);
  assert.equal(scene.server.requests.length, 1);
});

test("135 a weak ETag that becomes strong is adopted, and the next run goes on with it", async () => {
  const lastModified = ago(3000);
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: ({ index }) => {
      if (index > 1) return { status: 403 };
      const isFirst = index === 0;
      return {
        ...SHORT,
        bodyLength: isFirst ? REACHED : 200_000,
        etag: isFirst ? 'W/"tag"' : '"tag"',
        lastModified,
      };
    },
  });
  await scene.fail("http_status");
  // As a server does that takes no date in If-Range for a minute.
  scene.respond = ({ headers }) => ({
    etag: '"tag"',
    lastModified,
    ...(headers["if-range"] === undefined || headers["if-range"] === '"tag"' ? {} : { status: 200 }),
  });
  const before = scene.server.requests.length;
  const result = await scene.complete();
  assert.ok(result.resumedBytes > REACHED, `${result.resumedBytes} bytes resumed`);
  assert.deepEqual(scene.server.requests.slice(before).map(({ headers }) => headers["if-range"]), ['"tag"']);
});

test("135 a weak ETag at first, 200 to its date in If-Range later: the download goes on", async () => {
  const lastModified = ago(3000);
  await using scene = await begun({ etag: 'W/"tag"', lastModified });
  scene.respond = (request) => ({
    etag: '"tag"',
    lastModified,
    ...(hasIfRange(request) ? { status: 200 } : {}),
  });
  assert.equal((await scene.complete()).resumedBytes, REACHED);
});

test("131 the bytes that are to be compared do not come: they are asked for again", async () => {
  await using scene = await begun(NAMED);
  scene.respond = ({ index }) => ({ ...NAMED, ...(index === 1 ? { chunked: true, bodyLength: 0 } : {}) });
  scene.server.set({ seed: SEED + 1 });
  const result = await scene.complete();
  assert.equal(result.resumedBytes, 0);
  assert.equal(scene.starts(1)[1], REACHED - 64 * KIB);
});

test("92 all parts from the middle end within the overlap: they prove the version, and no byte is lost", async () => {
  await using scene = await begun(NAMED);
  scene.respond = ({ range }) => ({
    ...NAMED,
    ...(range !== undefined && { chunked: true, bodyLength: 20_000 }),
  });
  const result = await scene.complete({ maxRetries: 2 });
  assert.equal(result.resumedBytes, REACHED);
  assert.deepEqual(scene.starts(1).slice(0, 2), [REACHED - 64 * KIB, REACHED]);
});

test("131 a part with other bytes ends within the overlap: nothing of it is mixed in", async () => {
  await using scene = await begun(NAMED);
  const changed = { ...NAMED, seed: SEED + 1 };
  scene.server.set({ seed: SEED + 1 });
  scene.respond = ({ index }) => index === 1 ? { ...changed, chunked: true, bodyLength: 20_000 } : changed;
  assert.equal((await scene.complete()).resumedBytes, 0);
});

for (
  const [name, most, status, spec] of [
    ["1 MiB", 2 ** 20, 403, { maxConnections: 4 }],
    ["1 MiB", 2 ** 20, 416, { maxConnections: 4 }],
    ["maxSegmentSize", 32 * KIB, 403, { maxConnections: 1, maxSegmentSize: 32 * KIB }],
    ["maxSegmentSize", KIB, 400, { maxConnections: 3, maxSegmentSize: KIB }],
  ] as const
) {
  test(`92 a range longer than ${name} gets ${status}: an unfinished download goes on, its overlap included`, async () => {
    const size = 4 * 2 ** 20;
    const reached = size - 200_000 - 3 * 2 ** 20 * (most > 32 * KIB ? 1 : 0);
    await using scene = await Scene.open({
      size,
      seed: SEED,
      respond: () => ({ chunked: true, bodyLength: reached, ...NAMED }),
    });
    await scene.fail("network", { maxRetries: 0 });
    scene.respond = ({ range }) => range === undefined || range.end - range.start > most ? { status } : NAMED;
    assert.equal((await scene.complete(spec)).resumedBytes, reached);
  });
}

for (const [reached, size] of [[5, SIZE], [REACHED, SIZE], [2_000_001, 3_000_001]] as const) {
  test(`131 ${reached} bytes under a name that the server gave: they are compared where they end`, async () => {
    const headers = { "Content-Disposition": 'attachment; filename="file.bin"' };
    await using scene = await Scene.open({
      size,
      seed: SEED,
      respond: ({ range }) => ({ chunked: true, bodyLength: reached - range!.start, ...NAMED, headers }),
    });
    const spec = {
      url: new URL("/get", scene.server.url).href,
      outputPath: undefined,
      outputDir: scene.directory.path,
    };
    await scene.fail("network", { ...spec, maxRetries: 0 });
    const before = scene.server.requests.length;
    scene.respond = () => ({ ...NAMED, headers });
    const handle = scene.download(spec);
    assert.equal((await scene.completed(handle)).resumedBytes, reached);
    assert.deepEqual(scene.starts(before), reached > 2 ** 20 ? [0, reached - 64 * KIB] : [0]);
  });
}

const NOTHING: Version = { etag: null, lastModified: null };

test("96 wrong parts that name no version, and a checksum: the file is fetched anew from one source", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: ({ index, headers }) => {
      if (headers["range"] === undefined) return NAMED;
      return index === 0 ? { ...SHORT, ...NAMED } : { ...NOTHING, seed: SEED + 1 };
    },
  });
  await scene.complete({ checksum: SHA256 });
  assert.ok(scene.wasTold("warn", /"one" and no name/), JSON.stringify(scene.messages));
});

test("96 parts that name no version, let in for a checksum to judge, are nothing without one", async () => {
  await using scene = await Scene.open({
    size: SIZE,
    seed: SEED,
    respond: ({ index }) =>
      [NAMED, { ...NOTHING, seed: SEED + 1 }][index] ?? { ...NAMED, chunked: true, bodyLength: 100_000 },
  });
  await scene.fail("network", { checksum: SHA256, maxRetries: 0, maxSegmentSize: 200_000 });
  scene.respond = () => NAMED;
  assert.equal((await scene.complete()).resumedBytes, 0);
});

for (
  const [name, versions] of [
    ["ETags", [NOTHING, { ...NOTHING, etag: '"one"' }, { ...NOTHING, etag: '"two"' }]],
    ["dates", [NOTHING, { ...NOTHING, lastModified: OLD_DATE }, { ...NOTHING, lastModified: LATER_DATE }]],
    ["dates beside an ETag", [{ ...NAMED, lastModified: null }, NAMED, {
      ...NAMED,
      lastModified: LATER_DATE,
    }]],
  ] as const
) {
  test(`133 later parts of one run have other ${name}, of which the first had none: not mixed`, async () => {
    await using scene = await Scene.open({
      size: SIZE,
      seed: SEED,
      respond: ({ range }) => {
        const part = Math.floor((range?.start ?? 0) / REACHED);
        return {
          ...SHORT,
          bodyLength: REACHED,
          ...versions[Math.min(part, 2)],
          seed: SEED + (part > 1 ? 1 : 0),
        };
      },
    });
    await scene.fail("remote_changed");
  });
}
