import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { BlackHole } from "../../helpers/sockets/black_hole.ts";
import { makeCertificate, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { findNginx } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { findTinyproxy, startTinyproxy } from "../../helpers/servers/tinyproxy.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { until } from "../../helpers/until.ts";

const skipProxy = await skipWithout("connections through a proxy", { tinyproxy: findTinyproxy });
const skipHole = await skipWithout("connections that nobody takes", { nginx: findNginx });

const STEP = 32_768;
const LARGE = { seed: 64, size: 64 * STEP } as const;
const CONNECTIONS = 4;

/** A way to a server: over http or https, and by which means. */
interface Way {
  readonly isSecure: boolean;
  readonly options: (url: string, proxy: string) => ReachOptions;
}

const named = (url: string): ReachOptions => ({ resolve: { [new URL(url).host]: "127.0.0.1" } });
const WAYS: Readonly<Record<string, Way>> = {
  "http, directly": { isSecure: false, options: () => ({}) },
  "http, over connections of our own": { isSecure: false, options: named },
  "https, directly": { isSecure: true, options: () => ({}) },
  "https, over connections of our own": { isSecure: true, options: named },
  "https, through tinyproxy": { isSecure: true, options: (_, allProxy) => ({ allProxy }) },
  "https, not verified": { isSecure: true, options: () => ({ tls: { insecure: true } }) },
};

type World = {
  readonly reach: Reach;
  readonly server: FaultServer;
  readonly front: TlsFront;
  readonly url: string;
  readonly options: ReachOptions;
};

function isProxied(name: string): boolean {
  return name.includes("tinyproxy");
}

/** Starts what a way needs. */
async function withWay(
  name: string,
  respond: (request: RecordedRequest) => Reply | undefined,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const { isSecure, options } = WAYS[name]!;
  await using reach = await Reach.open();
  await using server = await FaultServer.start({ ...LARGE, respond });
  const certificate = await makeCertificate(reach.dir.path);
  await using front = await TlsFront.start(server.url, certificate);
  const ca = await reach.read(certificate.caCert);
  await using stack = new AsyncDisposableStack();
  const proxy = isProxied(name) ? stack.use(await startTinyproxy(reach.dir)).url : "";
  const address = isSecure ? front.url : server.url;
  const url = name.includes("of our own") ? address.replace("127.0.0.1", "localhost") : address;
  const own = options(url, proxy);
  await run({ reach, server, front, url, options: { ...own, tls: { ca, ...own.tls } } });
}

/**
 * Small parts, the first ones slowly: a client that opens a connection takes another one that falls idle meanwhile, and
 * has one more in the end.
 */
function inSteps({ range, index }: RecordedRequest): Reply {
  const slowly = index < CONNECTIONS ? { throttle: STEP * 3 } : {};
  return { ...slowly, range: { start: range!.start, end: Math.min(range!.end, range!.start + STEP) } };
}

for (const name of Object.keys(WAYS)) {
  const skip = WITH_OPENSSL.skip || (isProxied(name) && skipProxy);

  test(
    `64 leases over 4 connections open 4: ${name}`,
    { skip, timeout: 30_000 },
    () =>
      withWay(name, inSteps, async ({ reach, server, front, url, options }) => {
        const starter = reach.start(options);
        try {
          const spec = reach.spec(url, { maxConnections: CONNECTIONS, minSegmentSize: STEP });
          const { path } = await starter.download(spec).wait();
          await assertFileIs(path, LARGE.seed, LARGE.size);
          const { connections, requests } = server;
          // Where a lease is shared on a busy machine, it takes one request more, and what is under way is sent twice.
          const shared = requests.length - 64;
          assert.ok(shared >= 0 && shared < 16, `${requests.length} requests`);
          const surplus = requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, -LARGE.size);
          assert.ok(surplus >= 0 && surplus <= shared * STEP, `${surplus} bytes too many`);
          // With Deno's fetch one that was just used may not be back in its pool, on a busy machine.
          const most = "Deno" in globalThis && name.endsWith("directly") ? 2 * CONNECTIONS - 1 : CONNECTIONS;
          assert.ok(connections >= CONNECTIONS && connections <= most, `${connections} connections`);
          if (WAYS[name]!.isSecure) assert.equal(front.connections, connections);
          // Another download of the same downloader takes one of them.
          await starter.download(reach.spec(url, { maxConnections: 1 })).wait();
          assert.equal(server.connections, connections);
        } finally {
          await starter.close();
        }
        await until(() => server.openConnections === 0);
      }),
  );

  test(
    `idle connections are closed after poolIdleTimeoutMs: ${name}`,
    { skip, timeout: 30_000 },
    () =>
      withWay(name, () => undefined, async ({ reach, server, url, options }) => {
        const starter = reach.start({ ...options, poolIdleTimeoutMs: 300 });
        try {
          await starter.download(reach.spec(url)).wait();
          assert.equal(server.connections, 1);
          await until(() => server.openConnections === 0);
          await starter.download(reach.spec(url)).wait();
          assert.equal(server.connections, 2);
        } finally {
          await starter.close();
        }
      }),
  );

  test(
    `no idle connection is kept with poolMaxIdlePerHost 0: ${name}`,
    { skip, timeout: 30_000 },
    () =>
      withWay(name, () => undefined, async ({ reach, server, url, options }) => {
        const starter = reach.start({ ...options, poolMaxIdlePerHost: 0 });
        try {
          for (const expected of [1, 2, 3]) {
            await starter.download(reach.spec(url)).wait();
            assert.equal(server.connections, expected);
            await until(() => server.openConnections === 0);
          }
        } finally {
          await starter.close();
        }
      }),
  );

  test(
    `no head: connectTimeoutMs, ${name}`,
    { skip, timeout: 30_000 },
    () =>
      withWay(name, () => ({ never: true }), async ({ reach, server, url, options }) => {
        await failLate(reach, url, options);
        await until(() => server.openConnections === 0);
      }),
  );

  test(
    `a silent body: readTimeoutMs, ${name}`,
    { skip, timeout: 30_000 },
    () =>
      withWay(name, () => ({ silentAfter: 10_000 }), async ({ reach, server, url, options }) => {
        const starter = reach.start(options);
        try {
          const startedMs = performance.now();
          const handle = starter.download(reach.spec(url, { readTimeoutMs: PATIENCE_MS, maxRetries: 0 }));
          const error = await handle.wait().then(() => undefined, (error) => error);
          assert.equal(error?.code, "timeout", `${error}`);
          checkElapsed(startedMs);
          assert.equal(handle.snapshot.downloaded, 10_000);
          await until(() => server.openConnections === 0);
        } finally {
          await starter.close();
        }
      }),
  );
}

const PATIENCE_MS = 300;

function checkElapsed(startedMs: number): void {
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs >= PATIENCE_MS - 10 && elapsedMs < PATIENCE_MS + 10_000, `${elapsedMs} ms`);
}

/** Lets a download fail because nobody answers in time. */
async function failLate(reach: Reach, url: string, options: ReachOptions = {}): Promise<void> {
  const startedMs = performance.now();
  const spec = { connectTimeoutMs: PATIENCE_MS, maxRetries: 0 };
  const error = await reach.fail("timeout", url, options, spec);
  checkElapsed(startedMs);
  assert.equal(error.retryable, true);
}

/** How to reach a server that takes a connection and never says a word. */
const SILENT: Readonly<Record<string, (silent: string) => readonly [url: string, options: ReachOptions]>> = {
  "a TLS handshake, directly": (silent) => [`https://${silent}/`, {}],
  "a TLS handshake, over connections of our own": (silent) => [
    `https://${silent.replace("127.0.0.1", "files.example")}/`,
    { resolve: { [silent.replace("127.0.0.1", "files.example")]: "127.0.0.1" } },
  ],
  "a TLS handshake, not verified": (silent) => [`https://${silent}/`, { tls: { insecure: true } }],
  "CONNECT of a proxy": (silent) => ["https://files.example/", { allProxy: `http://${silent}` }],
  "CONNECT of a proxy, not verified": (silent) => [
    "https://files.example/",
    { allProxy: `http://${silent}`, tls: { insecure: true } },
  ],
  "a request through a proxy": (silent) => ["http://files.example/", { allProxy: `http://${silent}` }],
  "the TLS handshake of a proxy": (silent) => ["http://files.example/", { allProxy: `https://${silent}` }],
  "the greeting of a SOCKS proxy": (silent) => ["http://files.example/", { allProxy: `socks5h://${silent}` }],
};

/** Deno cannot close a connection during its own TLS handshake. Later ones to that server use `node:tls`. */
const LINGERING = "Deno" in globalThis ? 1 : 0;

for (const [name, way] of Object.entries(SILENT)) {
  test(`nobody answers ${name}: connectTimeoutMs`, { timeout: 30_000 }, async () => {
    await using reach = await Reach.open();
    await using silent = await Talker.silent();
    const [url, options] = way(silent.host);
    await failLate(reach, url, options);
    assert.ok(silent.connections > 0);
    const lingering = name.includes("TLS") && !name.includes("not verified") ? LINGERING : 0;
    await until(() => silent.open <= lingering);
  });
}

test("nobody answers in TCP: connectTimeoutMs", { skip: skipHole, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using server = await Talker.silent();
  await using _ = await BlackHole.open(reach.dir, "127.0.0.2", server.port);
  const hole = `127.0.0.2:${server.port}`;
  await failLate(reach, `http://${hole}/`);
  await failLate(reach, `https://${hole}/`, { localAddress: "127.0.0.1" });
  for (const scheme of ["http", "https", "socks5", "socks5h"]) {
    await failLate(reach, "http://files.example/", {
      allProxy: `${scheme}://${hole}`,
      ...(scheme === "socks5" && { resolve: { "files.example:80": "127.0.0.1" } }),
    });
  }
  await failLate(reach, "https://files.example/", { allProxy: `http://${hole}` });
});

test("nobody answers in DNS: connectTimeoutMs", { timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  const silent = createSocket("udp4").bind(0, "127.0.0.1");
  await once(silent, "listening");
  await using doh = await Talker.silent();
  try {
    const dnsServers = [`127.0.0.1:${silent.address().port}`];
    for (const scheme of ["http", "https"]) {
      await failLate(reach, `${scheme}://files.example/`, { dnsServers });
    }
    await failLate(reach, "http://files.example/", { dohServers: [`https://${doh.host}/dns-query`] });
    // The addresses of both families are requested at the same time.
    await until(() => doh.open <= 2 * LINGERING);
  } finally {
    silent.close();
  }
});

test(
  "more than poolMaxIdlePerHost idle connections are not kept",
  { ...WITH_OPENSSL, timeout: 30_000 },
  () =>
    withWay("http, directly", inSteps, async ({ reach, server, url, options }) => {
      const starter = reach.start({ ...options, poolMaxIdlePerHost: 2 });
      try {
        await starter.download(reach.spec(url, { maxConnections: CONNECTIONS, minSegmentSize: STEP })).wait();
        await until(() => server.openConnections <= 2);
      } finally {
        await starter.close();
      }
    }),
);
