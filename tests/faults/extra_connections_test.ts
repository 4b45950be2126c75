import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedRequest, Reply } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";

const MIB = 2 ** 20;
const SIZE = 4 * MIB + 7;
const FILE = { size: SIZE, seed: 92 };
const PAGE = "<html><title>Too many connections</title></html>";

/** Serves one request at a time, and refuses what comes meanwhile. */
function oneAtATime(scene: () => Scene, refusal: Reply): (request: RecordedRequest) => Reply {
  const served: RecordedRequest[] = [];
  const isActive = ({ range, bodyBytes }: RecordedRequest) =>
    bodyBytes < (range?.end ?? SIZE) - (range?.start ?? 0) && scene().server.openConnections > 1;
  return (request) => {
    if (request.path.startsWith("/refused")) return HTML;
    if (served.some(isActive)) return refusal;
    served.push(request);
    return { throttle: 8 * MIB };
  };
}

const HTML: Reply = { status: 200, body: PAGE, headers: { "Content-Type": "text/html" } };

const REFUSALS: readonly (readonly [name: string, refusal: Reply])[] = [
  ...[400, 401, 403, 404, 406, 410, 416, 421, 429, 500, 502, 503, 509, 530].map((status) =>
    [`status ${status}`, { status }] as const
  ),
  ["a page with 200 and the file's ETag", HTML],
  ["a page with 200 and an ETag of its own", { ...HTML, etag: '"page"', lastModified: null }],
  ["a page with 200 and no validator", { ...HTML, etag: null, lastModified: null }],
  ["a page with 206", { status: 206, body: PAGE, headers: { "Content-Range": undefined } }],
  ["the whole file", { status: 200 }],
  ["a redirect to a page", { status: 302, headers: { Location: "/refused" } }],
  ["a redirect without Location", { status: 302 }],
  ["a reset", { refuse: true }],
  ["silence", { never: true }],
  ["204", { status: 204 }],
];

for (const [name, refusal] of REFUSALS) {
  test(`92 every connection beside the first gets ${name}: the first one fetches the file`, async () => {
    await using scene: Scene = await Scene.open({ ...FILE, respond: oneAtATime(() => scene, refusal) });
    const spec = { maxConnections: 4, pieceSize: 65_536, connectTimeoutMs: 300 };
    const result = await scene.complete(spec);
    assert.equal(result.size, SIZE);
    assert.ok(
      !scene.messages.some(({ message }) => /changed/.test(message)),
      "it was said that the file changed",
    );
  });
}

for (const status of [400, 403, 413, 416]) {
  test(`92 ranges above 1.25 MiB get ${status}: shorter ones are asked for, without a delay`, async () => {
    const most = 1.25 * MIB;
    await using scene = await Scene.open({
      ...FILE,
      size: 24 * MIB,
      respond: ({ range }) => range!.end - range!.start > most ? { status } : undefined,
    });
    await scene.complete({ maxConnections: 3, pieceSize: 4 * MIB, retryBaseDelayMs: 60_000 });
    const refused = scene.server.requests.filter((request) => request.status === status).length;
    assert.ok(refused > 0 && refused <= 12, `${refused} requests were refused`);
  });
}

for (const maxConnections of [1, 4]) {
  test(`92 maxSegmentSize is a ceiling for every request, ${maxConnections} connections`, async () => {
    await using scene = await Scene.open(FILE);
    await scene.complete({ maxConnections, maxSegmentSize: 200_000 });
    const lengths = scene.server.requests.map(({ range }) => range!.end - range!.start);
    assert.ok(Math.max(...lengths) <= 200_000, `${Math.max(...lengths)} bytes were asked for`);
  });
}

test("92 every range is refused from the second request on: the whole file is asked for, what is there stays", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index, headers }) => {
      if (index === 0) return { range: { start: 0, end: 400_000 } };
      return headers["range"] === undefined ? undefined : { status: 403 };
    },
  });
  const handle = scene.download({ maxConnections: 1 });
  const result = await scene.completed(handle);
  assert.deepEqual(scene.server.requests.map(({ status }) => status).slice(-1), [200]);
  assert.equal(result.fetchedBytes, SIZE + 400_000);
});

test("92 the last connection is refused, and so is the whole file: its failure counts, progress is kept", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? { range: { start: 0, end: 400_000 } } : { status: 403 },
  });
  const { error, downloaded } = await scene.fail("http_status", { maxConnections: 3 });
  assert.ok(/403/.test(error.message), error.message);
  assert.equal(downloaded, 400_000);
  scene.respond = () => undefined;
  assert.equal((await scene.complete()).resumedBytes, 400_000);
});

test("136 a passing 503 takes connections for a while: they come back", { timeout: 60_000 }, async () => {
  let refused = 0;
  await using scene = await Scene.open({
    ...FILE,
    size: 12 * MIB,
    respond: ({ index }) => index > 0 && index < 8 && ++refused < 6 ? { status: 503 } : { throttle: 400_000 },
  });
  const handle = scene.download({ maxConnections: 8, pieceSize: 65_536 });
  let most = 0;
  for await (const { connections, elapsedMs } of handle) {
    if (elapsedMs > 2000) most = Math.max(most, connections);
  }
  await scene.completed(handle);
  assert.ok(most >= 6, `no more than ${most} connections came back`);
});

for (
  const [name, code, gone] of [
    ["a reset", "network", { refuse: true }],
    ["status 500", "http_status", { status: 500 }],
  ] as const
) {
  test(`136 a server that answers no more but with ${name}: the download ends, and no connection comes back`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      size: 12 * MIB,
      respond: ({ index }) => index === 0 ? undefined : gone,
    });
    await scene.fail(code, { maxConnections: 8, maxRetries: 4, retryBaseDelayMs: 700 });
    const returns = scene.messages.filter(({ message }) => /one more connection/.test(message));
    assert.ok(returns.length <= 1, `${returns.length} connections came back`);
  });
}

for (
  const [name, version] of [
    ["nothing", { etag: null, lastModified: null }],
    ["a weak ETag", { etag: 'W/"one"', lastModified: null }],
  ] as const
) {
  test(`92 every range is refused but the first, and ${name} names the version: it is fetched anew with one request`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ range }) => {
        if (range !== undefined && range.start > 0) return { status: 403 };
        // That it is another version by then is not to be seen.
        return { ...version, ...(range && { range: { start: 0, end: 400_000 }, seed: FILE.seed + 1 }) };
      },
    });
    const result = await scene.complete();
    assert.equal(result.fetchedBytes, SIZE + 400_000);
  });

  test(`92 every range is refused but the first, ${name} names the version, and so is the whole: progress is kept`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => ({
        ...version,
        ...(index === 0 ? { range: { start: 0, end: 400_000 } } : { status: 403 }),
      }),
    });
    assert.equal((await scene.fail("http_status")).downloaded, 400_000);
  });

  test(`92 a page without a length in place of the whole file, which ${name} names: refused`, async () => {
    const body = "x".repeat(SIZE + 1);
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => {
        if (index === 0) return { ...version, range: { start: 0, end: 400_000 } };
        return { status: 200, etag: null, lastModified: null, body, chunked: true };
      },
    });
    await scene.fail("bad_response");
  });
}

for (
  const [name, code, refusal] of [
    ["a reset", "network", { refuse: true }],
    ["silence", "timeout", { never: true }],
    ["status 500", "http_status", { status: 500 }],
    ["status 503", "http_status", { status: 503 }],
    ["a part without a byte", "network", { chunked: true, bodyLength: 0 }],
  ] as const
) {
  for (const maxConnections of [1, 3]) {
    test(`92 every range but the first gets ${name}, ${maxConnections} connections: the whole file is asked for in the end`, async () => {
      await using scene = await Scene.open({
        ...FILE,
        respond: ({ range }) => {
          if (range === undefined) return {};
          return range.start > 0 ? refusal : { range: { start: 0, end: 400_000 } };
        },
      });
      await scene.complete({ maxConnections, maxRetries: 2, connectTimeoutMs: 200 });
    });
  }

  test(`92 a later range gets ${name}, after others were served: what is there is kept`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ range }) => {
        if (range === undefined) return {};
        const { start } = range;
        return start > 500_000 ? refusal : { range: { start, end: start + 400_000 } };
      },
    });
    const { downloaded } = await scene.fail(code, { maxRetries: 2, connectTimeoutMs: 200 });
    assert.equal(downloaded, 800_000);
  });
}

test("136 a connection that comes back and is refused with Retry-After keeps the others from nothing", async () => {
  const served: RecordedRequest[] = [];
  const isActive = ({ range, bodyBytes }: RecordedRequest) => bodyBytes < range!.end - range!.start;
  await using scene = await Scene.open({
    ...FILE,
    size: 12 * MIB,
    respond: (request) => {
      if (served.filter(isActive).length >= 2) return { status: 503, headers: { "Retry-After": "1" } };
      served.push(request);
      return { throttle: MIB };
    },
  });
  const told = (pattern: RegExp) => scene.messages.filter(({ message }) => pattern.test(message)).length;
  const handle = scene.download({ maxConnections: 4, minSegmentSize: 4 * MIB });
  let [returned, overloaded] = [0, 0];
  for await (const { downloaded } of handle) {
    // Until then two have their first lease.
    if (downloaded > 7 * MIB) continue;
    [returned, overloaded] = [told(/one more connection is tried/), told(/overloaded/)];
  }
  await scene.completed(handle);
  assert.ok(returned > 0, "none came back");
  assert.equal(overloaded, 1);
});

for (
  const [name, refusal] of [["403", { status: 403 }], ["a redirect to a page", {
    status: 302,
    headers: { Location: "/refused" },
  }]] as const
) {
  test(`92 a file that ends with the first range, and ${name} for a second connection: the first one asks again`, async () => {
    let busy: RecordedRequest | undefined;
    await using scene = await Scene.open({
      ...FILE,
      size: MIB,
      respond: (request) => {
        if (request.path === "/refused") return HTML;
        if (busy !== undefined && busy.connection !== request.connection) return refusal;
        busy = request;
        return { throttle: 8 * MIB };
      },
    });
    await scene.complete({ maxConnections: 2 });
    assert.equal(scene.server.requests.length, 2);
  });
}
