import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedRequest, Reply } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";

const MIB = 2 ** 20;
const SIZE = 3 * MIB + 5;
const SEED = 85;
const FILE = { size: SIZE, seed: SEED };
const SPEC = { maxConnections: 4, connectTimeoutMs: 2000 };

type Oddity = (request: RecordedRequest) => Reply | undefined;

/** What a server does with a request that has `Range`. */
const onRange =
  (reply: (request: RecordedRequest, start: number, end: number) => Reply): Oddity => (request) =>
    request.headers["range"] === undefined
      ? undefined
      : reply(request, request.range?.start ?? 0, request.range?.end ?? 0);

const ODDITIES: readonly (readonly [name: string, reply: Oddity])[] = [
  [
    "85 a part with status 200 and its length",
    onRange((_, start, end) => ({ status: 200, range: { start, end } })),
  ],
  [
    "85 a part with status 200 and a Content-Range",
    onRange((_, start, end) => ({
      status: 200,
      range: { start, end },
      headers: { "Content-Range": `bytes ${start}-${end - 1}/${SIZE}` },
    })),
  ],
  [
    "85 a part with status 200, in chunks",
    onRange((_, start, end) => ({ status: 200, range: { start, end }, chunked: true })),
  ],
  [
    "85 a part with status 200, ended by the end of the connection",
    onRange((_, start, end) => ({ status: 200, range: { start, end }, closeDelimited: true })),
  ],
  [
    "85 a part with status 203",
    onRange((_, start, end) => ({ status: 203, range: { start, end } })),
  ],
  [
    "86 the total is the length of the part",
    onRange((_, start, end) => ({
      headers: { "Content-Range": `bytes ${start}-${end - 1}/${end - start}` },
    })),
  ],
  [
    "86 the total is the end of the part",
    onRange((_, start, end) => ({ headers: { "Content-Range": `bytes ${start}-${end - 1}/${end}` } })),
  ],
  [
    "86 the total is the length of the part, in chunks",
    onRange((_, start, end) => ({
      chunked: true,
      headers: { "Content-Range": `bytes ${start}-${end - 1}/${end - start}` },
    })),
  ],
  ...[
    ["without a total", (start: number, end: number) => `bytes ${start}-${end - 1}/*`],
    ["with an equals sign", (start: number, end: number) => `bytes=${start}-${end - 1}/${SIZE}`],
    ["without a unit", (start: number, end: number) => `${start}-${end - 1}/${SIZE}`],
    ["with blanks", (start: number, end: number) => `  bytes   ${start} - ${end - 1} / ${SIZE} `],
    ["that ends one byte late", (start: number, end: number) => `bytes ${start}-${end}/${SIZE}`],
    ["that begins one byte late", (start: number, end: number) => `bytes ${start + 1}-${end}/${SIZE}`],
    ["that ends behind the file", (start: number, end: number) => `bytes ${start}-${end - 1}/1`],
    ["of another unit", (start: number, end: number) => `lines ${start}-${end - 1}/${SIZE}`],
  ].map(([name, field]) =>
    [
      `89 a Content-Range ${name}`,
      onRange((_, start, end) => ({
        headers: { "Content-Range": (field as (start: number, end: number) => string)(start, end) },
      })),
    ] as const
  ),
  ["89 no Content-Range", onRange(() => ({ headers: { "Content-Range": undefined } }))],
  ["89 the end of the range is ignored", onRange((_, start) => ({ range: { start, end: SIZE } }))],
  [
    "89 a Content-Length one byte long",
    onRange((_, start, end) => ({ headers: { "Content-Length": `${end - start + 1}` } })),
  ],
  [
    "89 a Content-Length one byte short",
    onRange((_, start, end) => ({ headers: { "Content-Length": `${end - start - 1}` } })),
  ],
  [
    "89 multipart/byteranges for one range",
    onRange((_, start, end) => ({
      headers: { "Content-Type": "multipart/byteranges; boundary=x", "Content-Range": undefined },
      body: `--x\r\nContent-Range: bytes ${start}-${end - 1}/${SIZE}\r\n\r\nabcde\r\n--x--`,
    })),
  ],
  ...[400, 403, 404, 405, 406, 412, 416, 500, 501, 505].map((status) =>
    [`90 status ${status} to any range`, onRange(() => ({ status }))] as const
  ),
  ["90 a range is answered by a reset", onRange(() => ({ refuse: true }))],
  ["90 a range is answered by silence", onRange(() => ({ never: true }))],
  ["90 a range is answered by 304", onRange(() => ({ status: 304 }))],
  ["90 a range is answered by nothing, with 204", onRange(() => ({ status: 204 }))],
  [
    "90 a range that ends behind the end is refused",
    (request) => /^bytes=\d+-$/.test(request.headers["range"] ?? "") ? { status: 416 } : undefined,
  ],
];

for (const [name, respond] of ODDITIES) {
  for (const maxConnections of [4, 1]) {
    test(`${name}, ${maxConnections} connections: the file is fetched`, async () => {
      await using scene = await Scene.open({ ...FILE, respond });
      await scene.complete({ ...SPEC, maxConnections, connectTimeoutMs: 500 });
    });
  }
}

for (const status of [403, 404, 416, 501]) {
  test(`90 status ${status} to any range: it is asked for once, and not again after a delay`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: onRange(() => ({ status })) });
    await scene.complete({ ...SPEC, retryBaseDelayMs: 60_000 });
    assert.deepEqual(scene.server.requests.map(({ headers }) => headers["range"] !== undefined), [
      true,
      false,
    ]);
  });
}

test("86 the whole ends sooner than its part, without a length: it was cut, and is requested again", async () => {
  let isCut = false;
  const respond: Oddity = ({ headers }) => {
    if (headers["range"] !== undefined) return undefined;
    const wasCut = isCut;
    isCut = true;
    return { closeDelimited: true, ...(wasCut ? {} : { cutAfter: MIB / 2 }) };
  };
  await using scene = await Scene.open({ size: MIB, seed: SEED, respond });
  const { lengthVerified } = await scene.complete({ ...SPEC, retryBaseDelayMs: 1 });
  assert.equal(lengthVerified, false);
  assert.equal(scene.server.requests.length, 3);
});

test("90 a reset that was chance costs no connections", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? { refuse: true } : { throttle: 8 * MIB },
  });
  await scene.complete(SPEC);
  assert.ok(scene.server.maxOpenConnections > 1, "one connection did it all");
});

for (
  const [name, size, respond] of [
    ["of the size of the first range", MIB, () => undefined],
    ["of that size, from a server without ranges", MIB, () => ({ status: 200 })],
    ["a byte shorter", MIB - 1, () => undefined],
    ["a byte longer", MIB + 1, () => undefined],
    ["empty", 0, () => undefined],
  ] as const satisfies readonly (readonly [string, number, Oddity])[]
) {
  test(`85 a file ${name} costs ${size === MIB ? "one request more" : "no request more"}`, async () => {
    await using scene = await Scene.open({ size, seed: SEED, respond });
    await scene.complete({ ...SPEC, minSplitSize: 10 * MIB });
    const expected = size === MIB || size === MIB + 1 ? 2 : 1;
    assert.equal(scene.server.requests.length, expected);
  });
}

const EMPTY: readonly (readonly [name: string, reply: Oddity])[] = [
  ["416 without Content-Range", onRange(() => ({ status: 416, headers: { "Content-Range": undefined } }))],
  ["416 with */0", onRange(() => ({ status: 416 }))],
  ["206 with 0-0/0", onRange(() => ({ status: 206, headers: { "Content-Range": "bytes 0-0/0" } }))],
  ["206 with -1--1/*", onRange(() => ({ status: 206, headers: { "Content-Range": "bytes -1--1/*" } }))],
  ["206 with 0--1/0", onRange(() => ({ status: 206, headers: { "Content-Range": "bytes 0--1/0" } }))],
  ["204 to everything", () => ({ status: 204 })],
  ["200 to everything", () => ({ status: 200 })],
  ["200 to everything, in chunks", () => ({ status: 200, chunked: true })],
  ["400 to a range", onRange(() => ({ status: 400 }))],
];

for (const [name, respond] of EMPTY) {
  for (const maxConnections of [4, 1]) {
    test(`91 an empty object, ${name}, ${maxConnections} connections`, async () => {
      await using scene = await Scene.open({ size: 0, seed: SEED, respond });
      assert.equal((await scene.complete({ ...SPEC, maxConnections })).size, 0);
    });
  }
}

test("91 416 without Content-Range from a server whose file is not empty", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: onRange(() => ({ status: 416, headers: { "Content-Range": undefined } })),
  });
  await scene.complete(SPEC);
});

for (
  const [name, total, plain] of [
    ["one too many", (size: number) => size + 1, {}],
    ["one too few", (size: number) => size - 1, {}],
    ["one too few, and the whole has no length", (size: number) => size - 1, { chunked: true }],
    ["a MiB too many", (size: number) => size + MIB, {}],
  ] as const
) {
  for (const size of [100, SIZE]) {
    test(`89 a total of ${name} for ${size} bytes: the file is fetched`, async () => {
      await using scene = await Scene.open({
        size,
        seed: SEED,
        respond: ({ headers }) => {
          const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers["range"] ?? "") ?? [];
          if (first === undefined) return plain;
          const start = Number(first);
          if (start >= size) return { status: 416, headers: { "Content-Range": `bytes */${total(size)}` } };
          const end = last === "" ? size : Math.min(Number(last) + 1, size);
          return {
            range: { start, end },
            headers: { "Content-Range": `bytes ${start}-${end - 1}/${total(size)}` },
          };
        },
      });
      assert.equal((await scene.complete(SPEC)).size, size);
    });
  }
}
