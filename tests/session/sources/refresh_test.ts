import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Downloader,
  DownloadError,
  type DownloadHandle,
  type DownloadSpec,
  HttpStatusError,
  type Refresh,
  type RefreshedSource,
  type RefreshRequest,
} from "../../../mod.ts";
import { assertServedOnce } from "../../helpers/assert_served.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { until } from "../../helpers/until.ts";

const SEED = 23;
const SIZE = 1_500_007;
const KEPT = ["out.bin.bytehaul", "out.bin.part"];
const SPEC = {
  maxConnections: 4,
  pieceSize: 16_384,
  minSplitSize: 0,
  minSegmentSize: 16_384,
  retryBaseDelayMs: 1,
} as const;

/** A server whose paths are good for some requests each, and what a download of it went through. */
class Expiring implements AsyncDisposable {
  readonly #used = new Map<string, number>();
  readonly server: FaultServer;
  /** What `refresh` was told. */
  readonly calls: RefreshRequest[] = [];

  private constructor(server: FaultServer) {
    this.server = server;
  }

  /** Every path but `/for-ever` gets `status` once it has had `requests`. */
  static async start(requests: number, status = 403, reply: Reply = {}): Promise<Expiring> {
    const server = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: (request) => made.#answer(request, requests, status, reply),
    });
    const made = new Expiring(server);
    return made;
  }

  url(path: string): string {
    return new URL(path, this.server.url).href;
  }

  /** The spec of a download from `/0` on. */
  spec(outputPath: string, refresh: Refresh | undefined): DownloadSpec {
    const counted: Refresh | undefined = refresh && ((request) => {
      this.calls.push(request);
      return refresh(request);
    });
    return { ...SPEC, url: this.url("/0"), outputPath, ...(counted && { refresh: counted }) };
  }

  #answer({ path, range }: RecordedRequest, requests: number, status: number, reply: Reply): Reply {
    const used = this.#used.get(path) ?? 0;
    if (path !== "/for-ever" && used >= requests) return { status, delayMs: 4 };
    this.#used.set(path, used + 1);
    const { start, end } = range!;
    return { range: { start, end: Math.min(end, start + 100_000) }, ...reply };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop();
  }
}

for (const status of [401, 403, 404, 410]) {
  test(`19: refresh supplies a new URL whenever the old one gets ${status}, once for all connections`, async () => {
    await using dir = await temporaryDirectory();
    await using expiring = await Expiring.start(4, status);
    let round = 0;
    const spec = expiring.spec(
      dir.join("out.bin"),
      () => Promise.resolve({ url: expiring.url(`/${++round}`) }),
    );
    await using downloader = new Downloader();
    const { fetchedBytes } = await downloader.download(spec).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assert.equal(fetchedBytes, SIZE);
    assertServedOnce(expiring.server);
    const refused = expiring.server.requests.filter((request) => request.status === status);
    assert.equal(expiring.calls.length, new Set(refused.map(({ path }) => path)).size);
    assert.ok(expiring.calls.length >= 3);
    assert.ok(expiring.calls.every((call) => call.status === status && !call.signal.aborted));
  });
}

test("19: a URL that has expired before its first use is refreshed, too", async () => {
  await using dir = await temporaryDirectory();
  await using expiring = await Expiring.start(0);
  const spec = expiring.spec(dir.join("out.bin"), () => Promise.resolve({ url: expiring.url("/for-ever") }));
  await using downloader = new Downloader();
  await downloader.download(spec).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  assert.equal(expiring.calls.length, 1);
});

test("19: refresh may supply a URL object, and headers alone to the same URL", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ headers }) => headers["x-token"] === "new" ? undefined : { status: 401 },
  });
  const spec = { ...SPEC, url: server.url, outputPath: dir.join("out.bin") };
  const headers = { "X-Token": "old", "X-Other": "kept" };
  const refresh: Refresh = () => Promise.resolve({ url: new URL(server.url), headers: { "x-token": "new" } });
  await using downloader = new Downloader();
  await downloader.download({ ...spec, headers, refresh }).wait();
  await assertFileIs(spec.outputPath, SEED, SIZE);
  const [first, ...rest] = server.requests;
  assert.equal(first?.headers["x-token"], "old");
  assert.ok(rest.length > 0);
  assert.ok(rest.every((it) => it.headers["x-token"] === "new" && it.headers["x-other"] === "kept"));
});

test("19: userinfo of a refreshed URL is sent as credentials, and a refreshed Authorization goes before it", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ path }) => path.startsWith("/file.bin") ? { status: 401 } : undefined,
  });
  const base = server.url.replace("http://", "http://who:pass@");
  for (
    const [headers, wanted] of [
      [undefined, `Basic ${btoa("who:pass")}`],
      [{ Authorization: "Bearer own" }, "Bearer own"],
    ] as const
  ) {
    const from = server.requests.length;
    const refresh: Refresh = () =>
      Promise.resolve({ url: new URL("/good", base), ...(headers && { headers }) });
    await using downloader = new Downloader();
    const outputPath = dir.join(`${from}.bin`);
    await downloader.download({ ...SPEC, url: server.url, outputPath, bearerToken: "old", refresh }).wait();
    await assertFileIs(outputPath, SEED, SIZE);
    const [first, ...rest] = server.requests.slice(from);
    assert.equal(first?.headers["authorization"], "Bearer old");
    assert.ok(rest.length > 0 && rest.every((it) => it.headers["authorization"] === wanted));
  }
});

test("75: what was meant for the old origin does not go to another one that refresh names, nor come back", async () => {
  await using dir = await temporaryDirectory();
  await using old = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ path }) => path === "/good" ? undefined : { status: 403 },
  });
  let granted = 3;
  await using other = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ range }) => {
      if (granted-- <= 0) return { status: 410 };
      return { range: { start: range!.start, end: Math.min(range!.end, range!.start + 50_000) } };
    },
  });
  const answers: RefreshedSource[] = [
    { url: other.url, headers: { "X-Other": "for the other" } },
    { url: new URL("/good", old.url) },
  ];
  await using downloader = new Downloader();
  await downloader.download({
    ...SPEC,
    url: old.url,
    outputPath: dir.join("out.bin"),
    headers: { "X-Api-Key": "s3cret", Cookie: "s3cret" },
    bearerToken: "s3cret",
    refresh: () => Promise.resolve(answers.shift()),
  }).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  assert.equal(answers.length, 0);
  const [first, ...later] = old.requests;
  assert.match(JSON.stringify(first?.rawHeaders), /s3cret.*s3cret.*s3cret/);
  assert.doesNotMatch(JSON.stringify([later, other.requests]), /s3cret/);
  assert.ok(other.requests.every(({ headers }) => headers["x-other"] === "for the other"));
  assert.ok(later.length > 0 && later.every(({ headers }) => headers["x-other"] === undefined));
});

test("19: refresh that supplies nothing lets the original be asked once more", async () => {
  await using dir = await temporaryDirectory();
  await using expiring = await Expiring.start(4);
  const spec = expiring.spec(dir.join("out.bin"), () => Promise.resolve(undefined));
  await using downloader = new Downloader();
  await assert.rejects(downloader.download(spec).wait(), { code: "http_status", status: 403 });
  assert.equal(expiring.calls.length, 1);
  assert.deepEqual(await dir.list(), KEPT);
});

test("19: a refreshed URL that does not work either is the end, after one call", async () => {
  await using dir = await temporaryDirectory();
  await using expiring = await Expiring.start(4);
  let dead = true;
  const spec = expiring.spec(
    dir.join("out.bin"),
    () => Promise.resolve({ url: expiring.url(dead ? "/0" : "/for-ever") }),
  );
  await using downloader = new Downloader();
  const handle = downloader.download(spec);
  await assert.rejects(handle.wait(), { code: "http_status", status: 403 });
  assert.equal(expiring.calls.length, 1);
  assert.deepEqual(await dir.list(), KEPT);
  dead = false;
  const { resumedBytes } = await downloader.download(spec).wait();
  assert.equal(resumedBytes, handle.snapshot.downloaded);
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
});

for (const [when, requests] of [["at once", 0], ["half-way", 4]] as const) {
  test(`19: a refreshed URL that is unavailable for now, ${when}, is tried again without another call`, async () => {
    await using dir = await temporaryDirectory();
    let troubles = 2;
    await using expiring = await Expiring.start(requests);
    await using fresh = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: () => troubles-- > 0 ? { status: 503 } : undefined,
    });
    await using downloader = new Downloader();
    const spec = expiring.spec(dir.join("out.bin"), () => Promise.resolve({ url: fresh.url }));
    await downloader.download(spec).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assert.equal(expiring.calls.length, 1);
  });
}

const CAUSE = new Error("the signer is down");

/** What a refresh may do wrong, and what stands in the error. */
const FAILURES: Readonly<Record<string, readonly [refresh: unknown, text: RegExp]>> = {
  "rejects": [() => Promise.reject(CAUSE), /answered 403, and refresh failed/],
  "throws": [
    () => {
      throw CAUSE;
    },
    /answered 403, and refresh failed/,
  ],
  "supplies no URL": [
    () => Promise.resolve({ url: "no-url" }),
    /cannot be used: Cannot use the URL "no-url"/,
  ],
  "supplies a URL with a broken host": [
    () => Promise.resolve({ url: "http://user:s3cret@[/?s3cret" }),
    /cannot be used: Cannot use the URL: it does not parse/,
  ],
  "supplies a file": [
    () => Promise.resolve({ url: "file:///s3cret" }),
    /cannot be used: Cannot use a URL with the scheme "file:"/,
  ],
  "supplies a number": [() => Promise.resolve(7), /cannot be used: Cannot use url undefined/],
  "supplies null": [() => Promise.resolve(null), /cannot be used: /],
  "supplies a header with a line break": [
    () => Promise.resolve({ url: "http://example.com/", headers: { "X-Key": "s3cret\r\nX: y" } }),
    /cannot be used: Cannot use headers/,
  ],
  "supplies a header of ours": [
    () => Promise.resolve({ url: "http://example.com/", headers: { Range: "s3cret" } }),
    /cannot be used: Cannot use the header "range"/,
  ],
};

for (const [what, [refresh, text]] of Object.entries(FAILURES)) {
  for (const [when, requests] of [["at once", 0], ["half-way", 4]] as const) {
    test(`19: refresh ${what}, ${when}: a clear error, progress kept`, async () => {
      await using dir = await temporaryDirectory();
      await using expiring = await Expiring.start(requests);
      const told: string[] = [];
      await using downloader = new Downloader({ logger: (_, message) => told.push(message) });
      const handle = downloader.download(expiring.spec(dir.join("out.bin"), refresh as Refresh));
      const error: unknown = await handle.wait().then(() => undefined, (reason) => reason);
      assert.ok(error instanceof HttpStatusError, String(error));
      assert.deepEqual([error.code, error.status, error.retryable], ["http_status", 403, false]);
      assert.match(error.message, text);
      if (text.source.includes("failed")) assert.equal(error.cause, CAUSE);
      else assert.ok(error.cause instanceof TypeError);
      assert.doesNotMatch(`${error.message}${error.cause}${told}`, /s3cret/);
      assert.equal(expiring.calls.length, 1);
      assert.equal(handle.snapshot.state, "failed");
      assert.deepEqual(await dir.list(), requests === 0 ? [] : KEPT);
    });
  }
}

for (const order of ["pause", "cancel", "abort"] as const) {
  for (const [when, requests] of [["at once", 0], ["half-way", 4]] as const) {
    test(`80: ${order} while refresh hangs, ${when}`, async () => {
      await using dir = await temporaryDirectory();
      await using expiring = await Expiring.start(requests);
      const controller = new AbortController();
      const spec = expiring.spec(dir.join("out.bin"), () => new Promise(() => {}));
      await using downloader = new Downloader();
      const handle = downloader.download({ ...spec, signal: controller.signal });
      await until(() => expiring.calls.length === 1);
      const startedMs = performance.now();
      stop(handle, order, controller);
      const error: unknown = await handle.wait().then(() => undefined, (reason) => reason);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs < 200, `it took ${tookMs} ms`);
      if (order === "abort") assert.equal(error, controller.signal.reason);
      else {assert.ok(
          error instanceof DownloadError && error.code === (order === "pause" ? "paused" : "cancelled"),
        );}
      assert.equal(expiring.calls[0]?.signal.aborted, true);
      await handle.closed;
      assert.deepEqual(await dir.list(), requests === 0 ? [] : KEPT);
    });
  }
}

function stop(
  handle: DownloadHandle,
  order: "pause" | "cancel" | "abort",
  controller: AbortController,
): void {
  if (order === "abort") controller.abort();
  else handle[order]();
}

test("a refresh that fails late, when the download is over, disturbs nobody", async () => {
  await using dir = await temporaryDirectory();
  await using expiring = await Expiring.start(0);
  const late = Promise.withResolvers<undefined>();
  await using downloader = new Downloader();
  const handle = downloader.download(expiring.spec(dir.join("out.bin"), () => late.promise));
  await until(() => expiring.calls.length === 1);
  handle.cancel();
  await assert.rejects(handle.wait(), { code: "cancelled" });
  late.reject(CAUSE);
  await handle.closed;
});

test("90 a server that refuses ranges with 403: refresh is called once, and the whole file is asked for", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ headers }) => headers["range"] === undefined ? undefined : { status: 403 },
  });
  let calls = 0;
  const refresh: Refresh = () => {
    calls++;
    return Promise.resolve({ url: new URL("/fresh", server.url) });
  };
  await using downloader = new Downloader();
  await downloader.download({ ...SPEC, url: server.url, outputPath: dir.join("out.bin"), refresh }).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  assert.deepEqual([calls, server.requests.map(({ path }) => path)], [1, ["/file.bin", "/fresh", "/fresh"]]);
});

test("90 a server that refuses ranges with 403, and refresh fails: the whole file is asked for", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ headers }) => headers["range"] === undefined ? undefined : { status: 403 },
  });
  await using downloader = new Downloader();
  const refresh: Refresh = () => Promise.reject(CAUSE);
  await downloader.download({ ...SPEC, url: server.url, outputPath: dir.join("out.bin"), refresh }).wait();
  await assertFileIs(dir.join("out.bin"), SEED, SIZE);
});
