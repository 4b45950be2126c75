import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { HttpStatusError, RemoteChangedError } from "../../mod.ts";
import type { DownloadErrorCode } from "../../mod.ts";
import { contentHash } from "../helpers/content.ts";
import type { RecordedRequest, Reply } from "../helpers/fault_server.ts";
import { KEPT, Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const SIZE = 1_000_003;
const SEED = 11;
const FILE = { size: SIZE, seed: SEED, etag: '"one"' };
/** How far a download gets whose first response ends early. */
const REACHED = 300_001;
/** Ends early in a way that both runtimes hand over to the last byte. */
const SHORT: Reply = { chunked: true, bodyLength: REACHED };

/** A scene in which an earlier run got as far as `REACHED`. */
async function interrupted(file: Parameters<typeof Scene.open>[0] = FILE): Promise<Scene> {
  const scene = await Scene.open({ ...file, respond: () => SHORT });
  const { downloaded } = await scene.fail("network", { maxRetries: 0 });
  strictEqual(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  return scene;
}

/** Checks that a run without faults fetches what is missing and nothing else. */
async function assertGoesOn(scene: Scene): Promise<void> {
  const before = scene.server.requests.length;
  scene.respond = () => undefined;
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
  deepStrictEqual(scene.starts(before), [REACHED]);
}

/** The offsets at which parts of `step` bytes begin. */
function everyNth(step: number): number[] {
  return Array.from({ length: Math.ceil(SIZE / step) }, (_, index) => index * step);
}

interface Lie {
  readonly name: string;
  readonly code: DownloadErrorCode;
  readonly reply: (request: RecordedRequest) => Reply;
}

const unusable = (name: string, reply: Reply | Lie["reply"]): Lie => ({
  name,
  code: "bad_response",
  reply: typeof reply === "function" ? reply : () => reply,
});

/** Refused by the runtimes themselves, as they would refuse a broken connection. */
const malformed = (name: string, length: string | string[]): Lie => ({
  name: `11 ${name}`,
  code: "network",
  reply: () => ({ headers: { "Content-Length": length } }),
});

const LIES: readonly Lie[] = [
  unusable("2 a 206 without Content-Range", { headers: { "Content-Range": undefined } }),
  ...[
    "rubbish",
    `octets 0-${SIZE - 1}/${SIZE}`,
    `bytes ${SIZE - 1}-0/${SIZE}`,
    `bytes 0-${SIZE}/${SIZE}`,
    `bytes -5-${SIZE - 1}/${SIZE}`,
    `bytes 0-${SIZE - 1}/*`,
    `bytes */${SIZE}`,
    "bytes 0-99999999999999999999/999999999999999999999",
  ].map((field) =>
    unusable(`2 a 206 with the Content-Range ${field}`, { headers: { "Content-Range": field } })
  ),
  unusable("3 a 206 that starts behind what was asked", ({ range }) => ({
    range: { start: range!.start + 1, end: range!.end },
  })),
  unusable("8 a 206 with a Content-Length beyond its range", ({ range }) => ({
    headers: { "Content-Length": `${range!.end - range!.start + 1}` },
  })),
  unusable("9 multipart/byteranges", {
    headers: { "Content-Type": "multipart/byteranges; boundary=x", "Content-Range": undefined },
    body: `--x\r\nContent-Range: bytes 0-4/${SIZE}\r\n\r\nabcde\r\n--x--`,
  }),
  unusable("9 multipart/byteranges that has a Content-Range, too", {
    headers: { "Content-Type": "Multipart/ByteRanges; boundary=x" },
  }),
  unusable("10 gzip on a 206", { headers: { "Content-Encoding": "gzip" } }),
  unusable("10 br on a 200", { status: 200, headers: { "Content-Encoding": "br" } }),
  malformed("Content-Lengths that differ", [`${SIZE}`, "5"]),
  malformed("a negative Content-Length", "-1"),
  malformed("an overflowing Content-Length", "99999999999999999999999"),
  malformed("a Content-Length that is no number", "0xff"),
];

for (const { name, code, reply } of LIES) {
  const tries = code === "network" ? 3 : 1;
  const spec = { maxRetries: 2 };

  test(`${name}, in the first response`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: reply });
    const { downloaded } = await scene.fail(code, spec);
    deepStrictEqual([downloaded, scene.server.requests.length], [0, tries]);
    await scene.assertLeft([]);
    scene.respond = () => undefined;
    await scene.complete(spec);
    strictEqual(scene.server.requests.length, tries + 1);
  });

  test(`${name}, in a later response`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: (request) => request.index === 0 ? SHORT : reply(request),
    });
    const { downloaded } = await scene.fail(code, spec);
    strictEqual(downloaded, REACHED);
    // That the first response was short is the first failure since the last progress.
    deepStrictEqual(scene.starts(), [0, ...new Array<number>(Math.max(1, tries - 1)).fill(REACHED)]);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });

  test(`${name}, in the first response of a later run`, async () => {
    await using scene = await interrupted();
    scene.respond = reply;
    await scene.fail(code, spec);
    strictEqual(scene.server.requests.length, 1 + tries);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });
}

test("3 a 206 that starts before what was asked", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { range: { start: REACHED - 1, end: SIZE } },
  });
  await scene.fail("bad_response");
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("3 a 206 that reaches behind what was asked", async () => {
  const size = 3_000_000;
  await using scene = await Scene.open({ size, respond: () => ({ range: { start: 0, end: size } }) });
  await scene.fail("bad_response", { maxConnections: 2 });
  await scene.assertLeft([]);
  scene.respond = () => undefined;
  await scene.complete({ maxConnections: 2 });
});

test("1 a 200 to the range request of a later run: everything from its start", async () => {
  await using scene = await interrupted();
  scene.respond = () => ({ status: 200 });
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
  deepStrictEqual(scene.starts(1), [REACHED]);
  ok(scene.wasTold("warn", /starting again/));
});

test("1 a 200 to a later range request, once: not a byte of it is used", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => [SHORT, { status: 200 }][index],
  });
  const result = await scene.complete();
  strictEqual(result.fetchedBytes, SIZE);
  deepStrictEqual(scene.starts(), [0, REACHED, REACHED]);
});

test("1 a 200 to every later range request", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { status: 200 },
  });
  const { downloaded } = await scene.fail("bad_response", { maxRetries: 2 });
  strictEqual(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

for (
  const [name, reply] of [
    ["4 a 206 with another total", {
      headers: { "Content-Range": `bytes ${REACHED}-${SIZE - 1}/${SIZE + 9}` },
    }],
    ["13 another ETag, same size", { seed: 2, etag: '"two"' }],
    ["13 another Last-Modified, no ETag", { seed: 2, etag: null }],
    ["13 a 200 with another ETag", { seed: 2, etag: '"two"', status: 200 }],
    ["15 a replica with another ETag", { etag: '"replica"' }],
    ["24 the total grew", { size: SIZE + 1000 }],
    ["24 the total shrank", { size: SIZE - 1000 }],
    ["24 the total shrank below what is there", { size: 1000 }],
  ] as const
) {
  test(`${name}, during the run`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: ({ index }) => index === 0 ? SHORT : reply });
    const { error, downloaded } = await scene.fail("remote_changed");
    ok(error instanceof RemoteChangedError);
    strictEqual(downloaded, REACHED);
    deepStrictEqual(scene.starts().length, 2);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });
}

test("13 the file changes under several connections", async () => {
  await using scene = await Scene.open({
    size: 3_000_000,
    seed: 1,
    respond: () => ({ throttle: 1_000_000 }),
  });
  const handle = scene.download({ maxConnections: 4 });
  await until(() => handle.snapshot.downloaded > 200_000);
  scene.server.set({ seed: 2 });
  scene.respond = () => undefined;
  await scene.failed("remote_changed", handle);
  await scene.assertLeft(KEPT);
  const result = await scene.complete({ maxConnections: 4 });
  deepStrictEqual([result.resumedBytes, result.fetchedBytes], [0, 3_000_000]);
});

for (
  const [name, before, after, reply] of [
    ["another ETag", {}, {}, {}],
    ["another date and no ETag", { etag: null }, { etag: null }, {}],
    ["another date and a weak ETag", { etag: 'W/"a"' }, { etag: 'W/"b"' }, {}],
    ["a server that ignores If-Range", {}, { etag: '"two"' }, { range: { start: REACHED, end: SIZE } }],
  ] as const
) {
  test(`12 changed between runs, same size: ${name}`, async () => {
    await using scene = await interrupted({ size: SIZE, seed: SEED, ...before });
    const { etag, lastModified } = scene.server.version;
    scene.server.set({ seed: 2, etag: undefined, ...after });
    scene.respond = ({ index }) => index === 1 ? reply : undefined;
    const result = await scene.complete();
    deepStrictEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
    deepStrictEqual(scene.starts(1), [REACHED, 0]);
    const strong = etag?.startsWith('"') ? etag : lastModified;
    strictEqual(scene.server.requests[1]?.headers["if-range"], strong);
    ok(scene.wasTold("warn", /the file on the server changed; starting again/));
  });
}

test("12 changed between runs, and what replaces it has the same size and no validator", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, etag: null, lastModified: null });
  scene.respond = ({ headers }) => "if-range" in headers ? { status: 200, etag: '"two"' } : undefined;
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, scene.starts(1)], [0, [REACHED, 0]]);
  ok(scene.wasTold("warn", /the file on the server changed; starting again/));
});

test("12 what replaces a changed file can be cut and goes on where it was", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, etag: '"two"' });
  scene.respond = ({ headers }) => headers["range"] === "bytes=0-" ? SHORT : undefined;
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
  deepStrictEqual(scene.starts(1), [REACHED, 0, REACHED]);
});

for (const [name, etag] of [["no validator", null], ["a weak ETag only", 'W/"a"']] as const) {
  const file = { ...FILE, etag, lastModified: null };

  test(`14 ${name}: a later run starts again`, async () => {
    await using scene = await interrupted(file);
    const result = await scene.complete();
    deepStrictEqual([result.resumedBytes, scene.starts(1)], [0, [0]]);
    ok(scene.wasTold("warn", /starting again/));
  });

  test(`14 ${name}, a checksum: a later run goes on`, async () => {
    await using scene = await interrupted(file);
    const result = await scene.complete({ checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}` });
    deepStrictEqual([result.resumedBytes, scene.starts(1)], [REACHED, [REACHED]]);
    strictEqual(scene.server.requests[1]?.headers["if-range"], undefined);
  });

  test(`14 ${name}, a checksum, and the file changed: a later run ends up with the new one`, async () => {
    await using scene = await interrupted(file);
    scene.server.set({ seed: 2 });
    const result = await scene.complete({ checksum: `sha256:${contentHash(2, SIZE, "sha256")}` });
    deepStrictEqual([result.resumedBytes, scene.starts(1)], [0, [REACHED, 0]]);
  });
}

test("5 every 206 is shorter than asked: no byte is asked for twice, and nothing counts as a failure", async () => {
  const step = 70_001;
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ range }) => ({ range: { start: range!.start, end: Math.min(SIZE, range!.start + step) } }),
  });
  const result = await scene.complete({ maxRetries: 0 });
  strictEqual(result.fetchedBytes, SIZE);
  deepStrictEqual(scene.starts(), everyNth(step));
});

test("6 every body ends before its Content-Length: what came is kept", async () => {
  const bodyLength = 200_000;
  await using scene = await Scene.open({
    ...FILE,
    // Throttled, because Bun drops what it has not handed over when a connection ends too early.
    respond: ({ range }) =>
      range!.end - range!.start > bodyLength ? { bodyLength, throttle: 2_000_000 } : undefined,
  });
  const result = await scene.complete({ maxRetries: 1 });
  strictEqual(result.fetchedBytes, SIZE);
  const starts = scene.starts() as number[];
  ok(starts.every((start, index) => index === 0 || start > starts[index - 1]!), `${starts}`);
});

test("7 every body is chunked, well terminated and short: the next request begins at its end", async () => {
  const bodyLength = 120_001;
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ range }) => ({ chunked: true, bodyLength: Math.min(bodyLength, range!.end - range!.start) }),
  });
  const result = await scene.complete({ maxRetries: 1 });
  strictEqual(result.fetchedBytes, SIZE);
  deepStrictEqual(scene.starts(), everyNth(bodyLength));
});

for (const [name, framing] of [["with a length", {}], ["chunked", { chunked: true }]] as const) {
  test(`8 every body is longer than promised, ${name}: the surplus is dropped`, async () => {
    const step = 150_000;
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ range }) => {
        const { start } = range!;
        const end = Math.min(SIZE, start + step);
        return { range: { start, end }, bodyLength: end - start + 1000, ...framing };
      },
    });
    const result = await scene.complete();
    strictEqual(result.fetchedBytes, SIZE);
    deepStrictEqual([...new Set(scene.starts())], everyNth(step));
    // Chunks end where they say, so that their connection is clean again.
    if ("chunked" in framing) return;
    const answered = scene.server.requests.filter(({ status }) => status === 206);
    const connections = new Set(answered.map(({ connection }) => connection));
    strictEqual(connections.size, answered.length, "a connection with a surplus on it was used again");
  });
}

test("8 a body without an end: its connection is closed", async () => {
  await using scene = await Scene.open({
    ...FILE,
    // Deno's client reads on for as long as more is there at once, which loopback can keep up.
    respond: () => ({ chunked: true, bodyLength: 2 ** 40, throttle: 20_000_000 }),
  });
  await scene.complete();
  await scene.server.until(() => scene.server.openConnections === 0);
  strictEqual(scene.server.requests.length, 1);
});

test("10 every request asks for the file itself", async () => {
  await using scene = await Scene.open({ size: 3_000_000 });
  await scene.complete({ maxConnections: 3 });
  deepStrictEqual(
    new Set(scene.server.requests.map(({ headers }) => headers["accept-encoding"])),
    new Set(["identity"]),
  );
});

for (
  const [name, reply, lengthVerified] of [
    ["the same Content-Length twice", { headers: { "Content-Length": [`${SIZE}`, `${SIZE}`] } }, true],
    ["a wrong Content-Length beside chunks of a 206", {
      chunked: true,
      headers: { "Content-Length": "7" },
    }, true],
    [
      "a wrong Content-Length beside chunks of a 200",
      { status: 200, chunked: true, headers: { "Content-Length": "7" } },
      false,
    ],
  ] as const
) {
  test(`11 ${name} does no harm`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: () => reply });
    strictEqual((await scene.complete()).lengthVerified, lengthVerified);
    strictEqual(scene.server.requests.length, 1);
  });
}

test("16 a later run that has everything finishes without a request", async () => {
  await using scene = await Scene.open(FILE);
  await scene.fail("checksum_mismatch", { checksum: `sha256:${"0".repeat(64)}` });
  await scene.assertLeft(KEPT);
  scene.respond = () => ({ status: 416 });
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, result.fetchedBytes], [SIZE, 0]);
  strictEqual(scene.server.requests.length, 1);
});

test("16 a 416 with the right total although bytes are missing: refused, progress kept", async () => {
  await using scene = await interrupted();
  scene.respond = () => ({ status: 416 });
  const { error } = await scene.fail("http_status");
  ok(error instanceof HttpStatusError && error.status === 416);
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("16 a 416 because the file has shrunk: from its start", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, size: REACHED, etag: '"two"' });
  scene.respond = ({ headers }) => headers["if-range"] === undefined ? undefined : { status: 416 };
  const result = await scene.complete();
  deepStrictEqual([result.resumedBytes, result.size], [0, REACHED]);
  ok(scene.wasTold("warn", /starting again/));
});

for (const status of [416, 200] as const) {
  for (const checksum of [undefined, `sha256:${contentHash(1, 0, "sha256")}`]) {
    test(`17 an empty file, told by ${status}${checksum ? ", with a checksum" : ""}`, async () => {
      await using scene = await Scene.open({ size: 0, respond: () => ({ status }) });
      const result = await scene.complete({ maxConnections: 4, ...checksum && { checksum } });
      deepStrictEqual([result.fetchedBytes, result.lengthVerified], [0, true]);
      strictEqual(scene.server.requests.length, 1);
    });
  }
}

test("17 a file that became empty between runs", async () => {
  await using scene = await interrupted();
  scene.server.set({ size: 0, etag: '"two"' });
  const result = await scene.complete();
  deepStrictEqual([result.size, result.resumedBytes], [0, 0]);
});

for (const maxConnections of [1, 4]) {
  test(`18 right headers, wrong bytes, ${maxConnections} connections: only the checksum tells`, async () => {
    const size = 2_500_000;
    const checksum = `sha256:${contentHash(SEED, size, "sha256")}`;
    const spec = { checksum, maxConnections };
    await using scene = await Scene.open({ size, seed: SEED, etag: '"one"', respond: () => ({ seed: 2 }) });
    await scene.fail("checksum_mismatch", spec);
    await scene.assertLeft(KEPT);
    scene.respond = () => undefined;
    const result = await scene.complete(spec);
    deepStrictEqual([result.fetchedBytes, result.resumedBytes, result.checksum], [size, 0, checksum]);
  });
}

test("21 a server that is wrong about HEAD: it is never asked", async () => {
  await using scene = await Scene.open({
    size: 3_000_000,
    respond: ({ method, index }) =>
      method === "HEAD" ? { status: 403 } : index === 2 ? { bodyLength: 9 } : undefined,
  });
  await scene.complete({ maxConnections: 3 });
  ok(scene.server.requests.every(({ method }) => method === "GET"));
});

test("22 no length, the end of the connection ends the body: done, the length not verified", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ status: 200, closeDelimited: true }) });
  const handle = scene.download({ maxConnections: 4 });
  const result = await scene.completed(handle);
  deepStrictEqual([result.lengthVerified, handle.snapshot.total], [false, undefined]);
  strictEqual(scene.server.requests.length, 1);
});

test("22 no length, and the body was cut: only the checksum tells", async () => {
  const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
  await using scene = await Scene.open({
    ...FILE,
    respond: () => ({ status: 200, closeDelimited: true, cutAfter: REACHED }),
  });
  await scene.fail("checksum_mismatch", { checksum });
  await scene.assertLeft([]);
  scene.respond = () => undefined;
  await scene.complete({ checksum });
});

test("23 responses of the kind 1xx, with fields of all sorts, are passed over", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: () => ({
      informational: [
        "HTTP/1.1 100 Continue",
        'HTTP/1.1 103 Early Hints\r\nETag: "other"\r\nContent-Length: 5\r\nContent-Range: bytes 0-4/5',
        "HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked",
      ],
    }),
  });
  await scene.complete();
  strictEqual(scene.server.requests.length, 1);
});
