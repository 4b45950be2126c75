import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { contentHash } from "../../testing/content.ts";
import type { RecordedRequest, Reply } from "../../testing/mod.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { assertGoesOn, COMPARED, FILE, interrupted, REACHED, SEED, SHORT, SIZE } from "./half_way.ts";

/** The offsets at which parts of `step` bytes begin. */
function everyNth(step: number): number[] {
  return Array.from({ length: Math.ceil(SIZE / step) }, (_, index) => index * step);
}

interface Lie {
  readonly name: string;
  readonly reply: (request: RecordedRequest) => Reply;
}

const unusable = (name: string, reply: Reply | Lie["reply"]): Lie => ({
  name,
  reply: typeof reply === "function" ? reply : () => reply,
});

const UNUSABLE: readonly Lie[] = [
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
];

const isRanged = ({ headers }: RecordedRequest): boolean => headers["range"] !== undefined;

/** Lies about every range, and answers to a request for the whole file with `whole`. */
const aboutRanges = ({ reply }: Lie, whole?: Reply) => (request: RecordedRequest): Reply | undefined =>
  isRanged(request) ? reply(request) : whole;

for (const lie of UNUSABLE) {
  const { name, reply } = lie;
  const spec = { maxRetries: 2, retryBaseDelayMs: 60_000 };
  const gone: Reply = { status: 410 };

  test(`${name}, in the first response: not a byte of it is used, the whole file is asked for`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: aboutRanges(lie) });
    assert.equal((await scene.complete(spec)).fetchedBytes, SIZE);
    assert.deepEqual(scene.starts(), [0, undefined]);
  });

  test(`${name}, in the first response, and the whole file is refused`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: aboutRanges(lie, gone) });
    const { downloaded } = await scene.fail("http_status", spec);
    assert.deepEqual([downloaded, scene.starts()], [0, [0, undefined]]);
    await scene.assertLeft([]);
    scene.respond = () => undefined;
    await scene.complete(spec);
    assert.equal(scene.server.requests.length, 3);
  });

  test(`${name}, in a later response: what is there stays, the rest comes from the whole file`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: (request) => request.index === 0 ? SHORT : aboutRanges(lie)(request),
    });
    const result = await scene.complete({ maxRetries: 2 });
    // What is there already comes once more, and is passed over.
    assert.equal(result.fetchedBytes, SIZE + REACHED);
    assert.deepEqual(scene.starts(), [0, REACHED, undefined]);
  });

  test(`${name}, in a later response, and the whole file is refused: progress kept`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: (request) => request.index === 0 ? SHORT : aboutRanges(lie, gone)(request),
    });
    const { downloaded } = await scene.fail("http_status", { maxRetries: 2 });
    assert.equal(downloaded, REACHED);
    assert.deepEqual(scene.starts(), [0, REACHED, undefined]);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });

  test(`${name}, in the first responses of a later run: it starts again with the whole file`, async () => {
    await using scene = await interrupted();
    scene.respond = aboutRanges(lie);
    const result = await scene.complete(spec);
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
    assert.deepEqual(scene.starts(1), [REACHED - COMPARED, REACHED - COMPARED, undefined]);
    assert.ok(scene.wasTold("warn", /does not send ranges; restarting/));
  });

  test(`${name}, in a later run, and the whole file is refused: progress kept`, async () => {
    await using scene = await interrupted();
    scene.respond = aboutRanges(lie, gone);
    await scene.fail("http_status", spec);
    assert.equal(scene.server.requests.length, 4);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });

  if (!name.startsWith("10 ")) continue;
  test(`${name}, and on the whole file: refused, progress kept`, async () => {
    await using scene = await interrupted();
    const before = scene.server.requests.length;
    scene.respond = reply;
    await scene.fail("bad_response", spec);
    assert.equal(scene.server.requests.length, before + 3);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });
}

/** Deno's fetch refuses them, so that a connection of our own repeats the request. */
const malformed = (name: string, length: string | string[]): Lie => ({
  name: `11 ${name}`,
  reply: () => ({ headers: { "Content-Length": length } }),
});

const MALFORMED: readonly Lie[] = [
  malformed("Content-Lengths that differ", [`${SIZE}`, "5"]),
  malformed("a negative Content-Length", "-1"),
  malformed("an overflowing Content-Length", "99999999999999999999999"),
  malformed("a Content-Length that is no number", "0xff"),
];

for (const lie of MALFORMED) {
  const { name, reply } = lie;
  const spec = { maxRetries: 2, retryBaseDelayMs: 60_000 };

  test(`${name}, to a range: the whole file is asked for`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: aboutRanges(lie) });
    assert.equal((await scene.complete(spec)).fetchedBytes, SIZE);
    assert.deepEqual([...new Set(scene.starts())], [0, undefined]);
  });

  test(`${name}, in every response`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: reply });
    await scene.fail("bad_response", spec);
    assert.deepEqual([...new Set(scene.starts())], [0, undefined]);
    await scene.assertLeft([]);
  });

  test(`${name}, in every later response: progress kept`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: (request) => request.index === 0 ? SHORT : reply(request),
    });
    const { downloaded } = await scene.fail("bad_response", { maxRetries: 2 });
    assert.equal(downloaded, REACHED);
    assert.deepEqual([...new Set(scene.starts())], [0, REACHED, undefined]);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });

  test(`${name}, in every response of a later run: progress kept`, async () => {
    await using scene = await interrupted();
    scene.respond = reply;
    await scene.fail("bad_response", spec);
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

test("3 a 206 that reaches behind what was asked: no byte is taken twice", async () => {
  const size = 3_000_000;
  await using scene = await Scene.open({
    size,
    respond: ({ range }) => ({ range: { start: range!.start, end: size } }),
  });
  assert.equal((await scene.complete({ maxConnections: 2 })).fetchedBytes, size);
});

test("1 a 200 to the range request of a later run: everything from its start", async () => {
  await using scene = await interrupted();
  scene.respond = () => ({ status: 200 });
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
  assert.deepEqual(scene.starts(1), [REACHED - COMPARED, REACHED - COMPARED, undefined]);
  assert.deepEqual(scene.server.requests.slice(1).map(({ headers }) => "if-range" in headers), [
    true,
    false,
    false,
  ]);
  assert.ok(scene.wasTold("warn", /restarting/));
});

test("1 a 200 to a later range request, once: not a byte of it is used", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => [SHORT, { status: 200 }][index],
  });
  const result = await scene.complete();
  assert.equal(result.fetchedBytes, SIZE);
  assert.deepEqual(scene.starts(), [0, REACHED, REACHED]);
});

test("1 a 200 to every later range request: what is there stays, the rest comes from the whole file", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { status: 200 },
  });
  const result = await scene.complete({ maxRetries: 2 });
  assert.equal(result.fetchedBytes, SIZE + REACHED);
  assert.deepEqual(scene.starts(), [0, REACHED, REACHED, undefined]);
});

test("1 a 200 to every later range request, and another file in the end: progress kept", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: (request) => {
      if (request.index === 0) return SHORT;
      return { status: 200, ...(isRanged(request) ? {} : { seed: 2, etag: '"two"' }) };
    },
  });
  const { downloaded } = await scene.fail("bad_response", { maxRetries: 2 });
  assert.equal(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("5 every 206 is shorter than asked: no byte is asked for twice, and nothing counts as a failure", async () => {
  const step = 70_001;
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ range }) => ({ range: { start: range!.start, end: Math.min(SIZE, range!.start + step) } }),
  });
  const result = await scene.complete({ maxRetries: 0 });
  assert.equal(result.fetchedBytes, SIZE);
  assert.deepEqual(scene.starts(), everyNth(step));
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
  assert.equal(result.fetchedBytes, SIZE);
  const starts = scene.starts() as number[];
  assert.ok(starts.every((start, index) => index === 0 || start > starts[index - 1]!), `${starts}`);
});

test("7 every body is chunked, well terminated and short: the next request begins at its end", async () => {
  const bodyLength = 120_001;
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ range }) => ({ chunked: true, bodyLength: Math.min(bodyLength, range!.end - range!.start) }),
  });
  const result = await scene.complete({ maxRetries: 1 });
  assert.equal(result.fetchedBytes, SIZE);
  assert.deepEqual(scene.starts(), everyNth(bodyLength));
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
    assert.equal(result.fetchedBytes, SIZE);
    assert.deepEqual([...new Set(scene.starts())], everyNth(step));
    // Chunks end where they say, so that their connection is clean again.
    if ("chunked" in framing) return;
    const answered = scene.server.requests.filter(({ status }) => status === 206);
    const connections = new Set(answered.map(({ connection }) => connection));
    assert.equal(connections.size, answered.length, "a connection with a surplus on it was used again");
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
  assert.equal(scene.server.requests.length, 1);
});

test("10 every request asks for the file itself", async () => {
  await using scene = await Scene.open({ size: 3_000_000 });
  await scene.complete({ maxConnections: 3 });
  assert.deepEqual(
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
    assert.equal((await scene.complete()).lengthVerified, lengthVerified);
    assert.equal(scene.server.requests.length, 1);
  });
}

test("21 a server that is wrong about HEAD: it is never asked", async () => {
  await using scene = await Scene.open({
    size: 3_000_000,
    respond: ({ method, index }) =>
      method === "HEAD" ? { status: 403 } : index === 2 ? { bodyLength: 9 } : undefined,
  });
  await scene.complete({ maxConnections: 3 });
  assert.ok(scene.server.requests.every(({ method }) => method === "GET"));
});

test("22 no length, the end of the connection ends the body: done, the length not verified", async () => {
  await using scene = await Scene.open({ ...FILE, respond: () => ({ status: 200, closeDelimited: true }) });
  const handle = scene.download({ maxConnections: 4 });
  const result = await scene.completed(handle);
  assert.deepEqual([result.lengthVerified, handle.snapshot.total], [false, undefined]);
  assert.equal(scene.server.requests.length, 1);
});

test("22 no length, and the body was cut: only the checksum tells", async () => {
  const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
  await using scene = await Scene.open({
    ...FILE,
    respond: () => ({ status: 200, closeDelimited: true, cutAfter: REACHED }),
  });
  await scene.fail("checksum_mismatch", { checksum });
  await scene.assertLeft(["file.bin.mismatch"]);
  await rm(scene.directory.join("file.bin.mismatch"));
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
  assert.equal(scene.server.requests.length, 1);
});
