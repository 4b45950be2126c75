import assert from "node:assert/strict";
import { test } from "node:test";
import { Source } from "../../../src/session/sources/source.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import {
  Downloader,
  type DownloadHandle,
  type DownloadSpec,
  HttpStatusError,
  type Refresh,
} from "../../../mod.ts";
import { assertServedOnce } from "../../helpers/assert_served.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { ExpiringServer, type Grant } from "../../helpers/sockets/expiring_server.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 19;
const SIZE = 2_000_003;
const KEPT = ["out.bin.bytehaul", "out.bin.part"];
const STATUSES = [401, 403, 404, 410];
/** Small leases, so that there are many requests. */
const SPEC = {
  maxConnections: 4,
  pieceSize: 16_384,
  minSplitSize: 0,
  minSegmentSize: 16_384,
  retryBaseDelayMs: 1,
} as const;

type Rule = (grant: Grant) => boolean;
const NEVER: Rule = () => false;

/** Answers with no more than `bytes` of what was asked for, so that more has to be asked. */
function inSteps(bytes: number, reply: Reply = {}): (request: RecordedRequest) => Reply {
  return ({ range }) => {
    const { start, end } = range!;
    return { range: { start, end: Math.min(end, start + bytes) }, ...reply };
  };
}

function begin(
  downloader: Downloader,
  dir: TemporaryDirectory,
  server: ExpiringServer,
  spec: Partial<DownloadSpec> = {},
): DownloadHandle {
  return downloader.download({ ...SPEC, url: server.url, outputPath: dir.join("out.bin"), ...spec });
}

const RULES: Readonly<Record<string, Rule>> = {
  "after one request": ({ requests }) => requests >= 1,
  "after three requests": ({ requests }) => requests >= 3,
  "after some bytes": ({ bytes }) => bytes >= 300_000,
};

for (const status of STATUSES) {
  for (const [when, isOver] of Object.entries(RULES)) {
    test(`19: URLs that expire ${when} with ${status}: the original is asked once for each`, async () => {
      await using dir = await temporaryDirectory();
      await using server = await ExpiringServer.start({
        ...{ size: SIZE, seed: SEED, status, isOver },
        serve: inSteps(100_000),
      });
      // Slow, so that the other connections come while it is being asked.
      server.redirect = () => ({ delayMs: 4 });
      await using downloader = new Downloader();
      const { fetchedBytes } = await begin(downloader, dir, server).wait();
      await assertFileIs(dir.join("out.bin"), SEED, SIZE);
      assert.equal(fetchedBytes, SIZE);
      assertServedOnce(server.store);
      assert.ok(server.expired() >= 4, `only ${server.expired()} expired`);
      assert.equal(server.asked, 1 + server.expired());
    });
  }
}

test("19: URLs that expire every 200 ms under a download of two seconds", async () => {
  await using dir = await temporaryDirectory();
  await using server = await ExpiringServer.start({
    ...{ size: SIZE, seed: SEED, status: 403 },
    isOver: ({ issuedAtMs }) => performance.now() - issuedAtMs > 200,
    serve: inSteps(20_000, { throttle: SIZE / 10 }),
  });
  await using downloader = new Downloader();
  const { fetchedBytes } = await begin(downloader, dir, server).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  assert.equal(fetchedBytes, SIZE);
  assertServedOnce(server.store);
  assert.ok(server.expired() >= 6, `only ${server.expired()} expired`);
  assert.equal(server.asked, 1 + server.expired());
});

for (const status of STATUSES) {
  test(`19: the original answers ${status}, too: it fails after few questions, and goes on later`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await ExpiringServer.start({
      ...{ size: SIZE, seed: SEED, status, isOver: ({ requests }) => requests >= 6 },
      serve: inSteps(100_000),
    });
    server.redirect = ({ index }) => index === 0 ? undefined : { status, delayMs: 4 };
    await using downloader = new Downloader();
    const handle = begin(downloader, dir, server);
    await assert.rejects(handle.wait(), (error) => {
      assert.ok(error instanceof HttpStatusError);
      assert.deepEqual([error.status, error.retryable], [status, false]);
      return true;
    });
    // Each connection asked, the last one three times, and once for the whole file.
    assert.ok(server.asked <= 1 + SPEC.maxConnections + 2 + 1, `${server.asked} questions`);
    assert.deepEqual(await dir.list(), KEPT);
    server.redirect = () => undefined;
    const { resumedBytes, fetchedBytes } = await begin(downloader, dir, server).wait();
    assert.ok(resumedBytes > 0);
    assert.equal(resumedBytes, handle.snapshot.downloaded);
    assert.equal(fetchedBytes, SIZE - resumedBytes);
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  });
}

test("13: the original leads to another version: not a byte of it is used, and a later run fetches it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await ExpiringServer.start({
    ...{ size: SIZE, seed: SEED, status: 403, isOver: ({ requests }) => requests >= 6 },
    serve: inSteps(100_000),
  });
  server.redirect = ({ index }) => {
    if (index > 0) server.store.set({ seed: 20 });
    return undefined;
  };
  await using downloader = new Downloader();
  const handle = begin(downloader, dir, server);
  await assert.rejects(handle.wait(), { code: "remote_changed" });
  assert.deepEqual(await dir.list(), KEPT);
  assert.ok(handle.snapshot.downloaded > 0);
  await begin(downloader, dir, server).wait();
  await assertFileIs(dir.join("out.bin"), 20, SIZE);
});

const LOGIN: Reply = {
  ...{ status: 200, etag: null, lastModified: null, body: "<html>log in</html>" },
  headers: { "Content-Type": "text/html" },
};

for (const where of ["at the original", "after a redirect"]) {
  test(`20: a login page ${where}, once the URL has expired, is no part of the file`, async () => {
    await using dir = await temporaryDirectory();
    await using login = await FaultServer.start({ size: 1, respond: () => LOGIN });
    await using server = await ExpiringServer.start({
      ...{ size: SIZE, seed: SEED, status: 401, isOver: ({ requests }) => requests >= 6 },
      serve: inSteps(100_000),
    });
    const page = where === "at the original" ? LOGIN : { status: 302, headers: { Location: login.url } };
    server.redirect = ({ index }) => index === 0 ? undefined : page;
    await using downloader = new Downloader();
    const handle = begin(downloader, dir, server);
    await assert.rejects(handle.wait(), { code: "bad_response", message: /it is another file/ });
    assert.deepEqual(await dir.list(), KEPT);
    // Nor is it in a later run.
    await assert.rejects(begin(downloader, dir, server).wait(), { code: "remote_changed" });
    server.redirect = () => undefined;
    assert.equal((await begin(downloader, dir, server).wait()).resumedBytes, handle.snapshot.downloaded);
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  });
}

for (const status of STATUSES) {
  test(`138 a URL that has expired with ${status}: the message says that what has arrived is kept`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await ExpiringServer.start({
      ...{ size: SIZE, seed: SEED, status, isOver: ({ requests }) => requests >= 6 },
      serve: inSteps(100_000),
    });
    server.redirect = ({ index }) => index === 0 ? undefined : { status };
    await using downloader = new Downloader();
    const kept = new RegExp(`the server answered ${status}[^;]*; the received data is kept for a later run$`);
    // In a run that has fetched something, and in one that finds it.
    for (let run = 0; run < 2; run++) {
      await assert.rejects(begin(downloader, dir, server).wait(), { status, message: kept });
      assert.deepEqual(await dir.list(), KEPT);
    }
  });

  test(`138 a URL that never worked gets ${status}: nothing is said of what has arrived`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, respond: () => ({ status }) });
    await using downloader = new Downloader();
    const running = downloader.download({ ...SPEC, url: server.url, outputPath: dir.join("out.bin") }).wait();
    await assert.rejects(running, (error: Error) => !error.message.includes("kept"));
    assert.deepEqual(await dir.list(), []);
  });
}

test("138 a URL without a redirect that expires half-way: the message says that what has arrived is kept", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: (request) => request.index < 5 ? inSteps(100_000)(request) : { status: 403 },
  });
  await using downloader = new Downloader();
  const running = downloader.download({ ...SPEC, url: server.url, outputPath: dir.join("out.bin") }).wait();
  await assert.rejects(running, { status: 403, message: /; the received data is kept for a later run$/ });
  assert.deepEqual(await dir.list(), KEPT);
});

const TROUBLE: Readonly<Record<string, Reply>> = {
  "answers 503": { status: 503 },
  "answers 500 late": { status: 500, delayMs: 5 },
  "closes the connection": { refuse: true },
  "does not answer": { never: true },
};

for (const [what, reply] of Object.entries(TROUBLE)) {
  test(`19: the original ${what} when it is asked again: one connection asks it once more`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await ExpiringServer.start({
      ...{ size: SIZE, seed: SEED, status: 403, isOver: ({ requests }) => requests >= 6 },
      serve: inSteps(100_000),
    });
    server.redirect = ({ index }) => index === 1 ? reply : { delayMs: 4 };
    await using downloader = new Downloader();
    await begin(downloader, dir, server, { connectTimeoutMs: 500 }).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assertServedOnce(server.store);
    assert.equal(server.asked, 2 + server.expired());
  });

  test(`35: the original ${what} at first: later segments go where it leads`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await ExpiringServer.start({ size: SIZE, seed: SEED, status: 403, isOver: NEVER });
    server.redirect = ({ index }) => index === 0 ? reply : undefined;
    await using downloader = new Downloader();
    await begin(downloader, dir, server, { connectTimeoutMs: 500 }).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assert.equal(server.asked, 2);
    assert.ok(server.store.requests.length > 1);
  });
}

for (const order of ["pause", "cancel"] as const) {
  test(`80: ${order} while the original hangs that is asked again`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await ExpiringServer.start({
      ...{ size: SIZE, seed: SEED, status: 403, isOver: ({ requests }) => requests >= 6 },
      serve: inSteps(100_000),
    });
    server.redirect = ({ index }) => index === 0 ? undefined : { never: true };
    await using downloader = new Downloader();
    const handle = begin(downloader, dir, server);
    await server.original.until(() => server.asked === 2);
    const startedMs = performance.now();
    handle[order]();
    await assert.rejects(handle.wait(), { code: order === "pause" ? "paused" : "cancelled" });
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 200, `it took ${tookMs} ms`);
    await handle.closed;
    assert.equal(server.asked, 2);
    server.redirect = () => undefined;
    assert.ok((await begin(downloader, dir, server).wait()).resumedBytes > 0);
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  });
}

test("19: a URL that has expired before its first use is not asked for again and again", async () => {
  await using dir = await temporaryDirectory();
  await using server = await ExpiringServer.start({
    ...{ size: SIZE, seed: SEED, status: 403, isOver: () => true },
  });
  await using downloader = new Downloader();
  await assert.rejects(begin(downloader, dir, server).wait(), { code: "http_status" });
  // Once for a range, and once for the whole file.
  assert.deepEqual([server.asked, server.store.requests.length], [2, 2]);
  assert.deepEqual(await dir.list(), []);
});

/** A source whose servers are functions, four requests at a time. */
class FakeServers {
  /** What each request went to. */
  readonly asked: string[] = [];
  readonly #source: Source;

  constructor(answer: (url: string, nth: number) => Response, refresh?: Refresh) {
    const get = (url: string): Promise<Response> => {
      this.asked.push(url);
      const nth = this.asked.filter((it) => it === url).length;
      return Promise.resolve().then(() => answer(url, nth));
    };
    this.#source = new Source({
      transport: {
        client: { get, close: () => {} },
        clock: detectRuntime().clock,
        throttle: { isSet: false, transform: () => new TransformStream() },
        userAgent: "test",
        allowDowngrade: false,
        connectTimeoutMs: 1000,
        readTimeoutMs: 1000,
      },
      url: ORIGINAL,
      caller: { headers: new Headers(), cookies: [], netrc: [] },
      refresh,
      log: () => {},
    });
  }

  /** Opens a part on so many connections at the same moment, and returns what each one got. */
  async open(connections: number): Promise<(number | string)[]> {
    const { signal } = new AbortController();
    const opened = Array.from(
      { length: connections },
      () =>
        this.#source.open({ range: { start: 0, end: 1 }, ifRange: undefined, signal }).then((reader) => {
          reader.close();
          return reader.status;
        }, (error) => error.message),
    );
    return await Promise.all(opened);
  }
}

const ORIGINAL = "http://a.example/";
const redirectTo = (location: string) => new Response(null, { status: 302, headers: { location } });

test("19: four connections that are told in the same moment ask the original once", async () => {
  const servers = new FakeServers((url, nth) => {
    if (url === ORIGINAL) return redirectTo(`http://b.example/${nth}`);
    return new Response("x", { status: url.endsWith("/1") && nth > 1 ? 403 : 206 });
  });
  assert.deepEqual(await servers.open(1), [206]);
  assert.deepEqual(await servers.open(4), [206, 206, 206, 206]);
  assert.equal(servers.asked.filter((url) => url === ORIGINAL).length, 2);
});

/** Servers of which the first answers its second question with 503, and the other one refuses what it gave out first. */
function troubled(refresh?: Refresh): FakeServers {
  return new FakeServers((url, nth) => {
    if (url === ORIGINAL) {
      return nth === 2 ? new Response("", { status: 503 }) : redirectTo(`http://b.example/${nth}`);
    }
    return new Response("x", { status: url.endsWith("/1") && nth > 1 ? 403 : 206 });
  }, refresh);
}

test("92 the original fails one of those who wait for it: the next one asks it again", async () => {
  const servers = troubled();
  await servers.open(1);
  const got = await servers.open(4);
  assert.match(String(got.find((it) => typeof it === "string")), /the server answered 503/);
  assert.deepEqual(got.filter((it) => typeof it === "number"), [206, 206, 206]);
  assert.equal(servers.asked.filter((url) => url === ORIGINAL).length, 3);
});

test("19: all who wait for refresh learn that the original failed, and the next one asks it again", async () => {
  let calls = 0;
  const servers = troubled(() => {
    calls++;
    return Promise.resolve(undefined);
  });
  await servers.open(1);
  const failed = await servers.open(4);
  assert.equal(new Set(failed).size, 1);
  assert.match(String(failed[0]), /the server answered 503/);
  assert.equal(servers.asked.filter((url) => url === ORIGINAL).length, 2);
  assert.deepEqual(await servers.open(4), [206, 206, 206, 206]);
  assert.equal(servers.asked.filter((url) => url === ORIGINAL).length, 3);
  assert.equal(calls, 1);
});
