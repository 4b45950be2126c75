import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { closeAll, download, Downloader, DownloadError } from "../mod.ts";
import { assertFileIs, contentHash } from "../testing/content.ts";
import { FaultServer } from "../testing/mod.ts";
import { Child } from "./helpers/child.ts";
import { queueOn, runtimeWith, systemError } from "./helpers/doubles/runtime_double.ts";
import { Scene } from "./helpers/scenes/scene.ts";
import { makeCertificate, WITH_OPENSSL } from "./helpers/sockets/certificate.ts";
import { TlsFront } from "./helpers/sockets/tls_front.ts";
import { startTunnelDouble } from "./helpers/sockets/tunnel_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";

const SEED = 19;
const SIZE = 1_300_000;

test("a downloader that is closed leaves no idle connection open", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  {
    await using downloader = new Downloader({ defaults: { minSplitSize: 0, minSegmentSize: 16_384 } });
    const handles = [1, 2, 3].map((number) =>
      downloader.download({ url: server.url, outputPath: dir.join(`${number}`) })
    );
    await Promise.all(handles.map((handle) => handle.wait()));
    assert.ok(server.openConnections > 0, "nothing was kept for the next request");
  }
  await until(() => server.openConnections === 0);
});

test("a part file that cannot be opened for hashing: the response is closed, and nothing is left", async () => {
  const { files } = runtimeWith({});
  const runtime = runtimeWith({
    files: {
      open: (path, mode) =>
        mode === "read-own" ? Promise.reject(systemError("EMFILE")) : files.open(path, mode),
    },
  });
  const respond = () => ({ silentAfter: 100_000 });
  await using scene = await Scene.open({ size: SIZE, respond }, () => {
    const queue = queueOn(runtime);
    return { download: (spec) => queue.add(spec), close: () => queue.close() };
  });
  await scene.fail("storage", { checksum: `sha256:${"0".repeat(64)}` });
  await scene.server.until(() => scene.server.openConnections === 0);
  await scene.assertLeft([]);
});

const CLOSING = fileURLToPath(new URL("./closing_child.ts", import.meta.url));
const WORKER = fileURLToPath(new URL("./worker_child.ts", import.meta.url));
/** Bun leaves the files of a terminated worker open, and so locked, until the process ends. */
const AFTERWARDS = "Bun" in globalThis ? "another" : "out";
const SANITIZED = fileURLToPath(new URL("./sanitized_child.ts", import.meta.url));
/** Far above what a child takes, and far below the 90 seconds for which an idle connection is kept. */
const MAX_LIFETIME_MS = 40_000;

/** A server, and the ways to it that a child is told. */
interface Ways {
  readonly dir: TemporaryDirectory;
  readonly server: FaultServer;
  readonly url: string;
  /** An empty text for none. */
  readonly proxy: string;
  readonly env: Readonly<Record<string, string>>;
}

const SCHEMES = ["http", "https"] as const;

for (const scheme of SCHEMES) {
  for (const isProxied of [false, true]) {
    const way = `${scheme}, ${isProxied ? "through a proxy" : "directly"}`;
    const options = { ...WITH_OPENSSL, timeout: 60_000 };

    test(
      `a process that is done ends although connections are idle: ${way}`,
      options,
      () =>
        withWays(scheme, isProxied, async ({ dir, url, proxy, env }) => {
          const args = ["exit", url, dir.path, proxy];
          await using child = new Child(CLOSING, args, { env, maxLifetimeMs: MAX_LIFETIME_MS });
          const { status, stderr } = await child.ended;
          assert.deepEqual([status, stderr], [0, ""]);
          await assertFileIs(dir.join("out"), SEED, SIZE);
        }),
    );

    test(
      `closeAll() ends what download() holds, and download() works again: ${way}`,
      options,
      () =>
        withWays(scheme, isProxied, async ({ dir, server, url, proxy, env }) => {
          const args = ["close", url, dir.path, proxy];
          await using child = new Child(CLOSING, args, { env, maxLifetimeMs: MAX_LIFETIME_MS });
          await until(() => child.isOver || child.stdout !== "");
          if (child.isOver) assert.fail((await child.ended).stderr);
          await until(() => server.openConnections === 0);
          assert.equal(child.isOver, false);
          await assertFileIs(dir.join("second"), SEED, SIZE);
        }),
    );

    // Deno's sanitizers report no connection of our own that is idle.
    for (const mode of ["completed", "cancelled", ...(isProxied ? [] : ["open"])]) {
      const isLeft = mode === "open";
      const title = isLeft
        ? "without closeAll() sanitizers report"
        : `${mode}, closeAll(): sanitizers report nothing`;
      const skip = options.skip || (!("Deno" in globalThis) && "only Deno has sanitizers");
      test(
        `124 ${title}: ${way}`,
        { ...options, skip },
        () =>
          withWays(scheme, isProxied, async ({ dir, url, proxy, env }) => {
            await using child = new Child(process.execPath, ["test", "-A", "--no-check", SANITIZED], {
              isProgram: true,
              env: {
                ...{ ...env, CASE: mode, TARGET: url, DIR: dir.path },
                ...(proxy !== "" && { PROXY: proxy }),
                ...(mode === "completed" && { CHECKSUM: `sha256:${contentHash(SEED, SIZE, "sha256")}` }),
              },
              maxLifetimeMs: MAX_LIFETIME_MS,
            });
            const { status, stdout, stderr } = await child.ended;
            assert.equal(status, isLeft ? 1 : 0, stdout + stderr);
            assert.match(stdout, isLeft ? /Leaks detected/ : /2 passed/);
          }),
      );
    }
  }
}

async function withWays(
  scheme: (typeof SCHEMES)[number],
  isProxied: boolean,
  run: (ways: Ways) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await temporaryDirectory());
  const server = stack.use(await FaultServer.start({ size: SIZE, seed: SEED }));
  const certificate = await makeCertificate(dir.path);
  const env = { NODE_EXTRA_CA_CERTS: certificate.caCert, DENO_CERT: certificate.caCert };
  const front = stack.use(await TlsFront.start(server.url, certificate));
  const url = (scheme === "http" ? server.url : front.url).replace("127.0.0.1", "localhost");
  // Over http the server is its own proxy.
  const tunnel = await startTunnelDouble(Number(new URL(front.url).port));
  stack.use(tunnel.talker);
  const proxy = scheme === "http" ? new URL(server.url).origin : `http://${tunnel.talker.host}`;
  await run({ dir, server, url, proxy: isProxied ? proxy : "", env });
}

test("124 a terminated worker leaves no connection, and the next download works", {
  timeout: 60_000,
}, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ headers }) => headers["x-slow"] === undefined ? undefined : { throttle: 100_000 },
  });
  const args = [server.url, dir.path, AFTERWARDS, `sha256:${contentHash(SEED, SIZE, "sha256")}`];
  await using child = new Child(WORKER, args, { maxLifetimeMs: MAX_LIFETIME_MS });
  await until(() => child.isOver || child.stdout !== "");
  if (child.isOver) assert.fail((await child.ended).stderr);
  await until(() => server.openConnections === 0);
  await writeFile(dir.join("continue"), "");
  const { status, stderr } = await child.ended;
  assert.deepEqual([status, stderr], [0, ""]);
  await assertFileIs(dir.join(AFTERWARDS), SEED, SIZE);
  if (!("Bun" in globalThis)) assert.deepEqual((await dir.list()).sort(), ["continue", "out"]);
});

test("closeAll() cancels what has not ended, and keeps its data", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: () => ({ throttle: 200_000 }),
  });
  const handle = download({ url: server.url, outputPath: dir.join("out") });
  await server.until(() => server.bytesServed > 0);
  await closeAll();
  const error: unknown = await handle.wait().catch((error) => error);
  assert.ok(error instanceof DownloadError && error.code === "cancelled");
  await server.until(() => server.openConnections === 0);
  await closeAll();
});
