import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, runBytehaul } from "../../helpers/child.ts";
import { queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import {
  Authority,
  makeCertificate,
  makeSelfSigned,
  WITH_OPENSSL,
} from "../../helpers/sockets/certificate.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { until } from "../../helpers/until.ts";
import { FaultServer } from "../../../testing/mod.ts";

test("200 downloads over connections of our own leave nothing open", { timeout: 60_000 }, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: ({ index }) =>
      index % 10 === 0 ? { resetAfter: 1000 } : index % 10 === 5 ? { refuse: true } : undefined,
  });
  const { port } = new URL(server.url);
  const starter = reach.start({
    resolve: { [`files.example:${port}`]: "127.0.0.1" },
    maxConcurrentDownloads: 8,
  });
  try {
    const url = `http://files.example:${port}/file.bin`;
    const downloads = Array.from(
      { length: 200 },
      () => starter.download(reach.spec(url, { maxRetries: 20 })).wait(),
    );
    const results = await Promise.all(downloads);
    assert.ok(results.every(({ size }) => size === REACH_FILE.size));
    assert.ok(server.maxOpenConnections <= 16, `${server.maxOpenConnections} at once`);
  } finally {
    await starter.close();
  }
  await until(() => server.openConnections === 0);
});

for (const scheme of ["http", "https"]) {
  test(
    `a process ends although its downloader is open, ${scheme}`,
    { ...WITH_OPENSSL, timeout: 30_000 },
    async () => {
      await using reach = await Reach.open();
      await using server = await FaultServer.start(REACH_FILE);
      const certificate = await makeCertificate(reach.dir.path);
      await using front = await TlsFront.start(server.url, certificate);
      const script = fileURLToPath(new URL("./open_downloader_child.ts", import.meta.url));
      const url = (scheme === "http" ? server.url : front.url).replace("127.0.0.1", "localhost");
      await using child = new Child(script, [url, reach.dir.path, certificate.caCert]);
      const startedMs = performance.now();
      const { status, stderr } = await child.ended;
      assert.deepEqual([status, stderr], [0, ""]);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs < 20_000, `${tookMs} ms`);
    },
  );
}

test("no system resolver hears of a name whose address is set", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const lookups: string[] = [];
  const runtime = runtimeWith({
    network: {
      lookup(host) {
        lookups.push(host);
        return Promise.resolve([]);
      },
    },
  });
  const { port } = new URL(server.url);
  const queue = queueOn(runtime, { resolve: { [`secret.example:${port}`]: "127.0.0.1" } });
  try {
    await queue.add(reach.spec(`http://secret.example:${port}/file.bin`)).wait();
  } finally {
    await queue.close();
  }
  assert.deepEqual(lookups, []);
  assert.equal(server.requests[0]!.headers["host"], `secret.example:${port}`);
});

test("104 no option needs the runtime's fetch", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  await using proxy = await FaultServer.start(REACH_FILE);
  const { port } = new URL(server.url);
  const named = `http://files.example:${port}/file.bin`;
  const refuse = (): never => assert.fail("a request by the runtime");
  const original = globalThis.fetch;
  globalThis.fetch = Object.assign(refuse, original);
  const real = runtimeWith({});
  const runtime = { ...real, ...(real.createHttpClient && { createHttpClient: refuse }) };
  try {
    for (
      const [url, options] of [
        [named, { resolve: { [`files.example:${port}`]: "127.0.0.1" } }],
        [server.url, { enableIpv6: false }],
        [server.url, { localAddress: "127.0.0.1" }],
        [server.url, { dnsServers: ["127.0.0.1:9"] }],
        [named, { allProxy: new URL(proxy.url).origin }],
      ] as const
    ) {
      const queue = queueOn(runtime, options);
      await queue.add(reach.spec(url)).wait();
      await queue.close();
    }
  } finally {
    globalThis.fetch = original;
  }
  assert.deepEqual([server.requests.length, proxy.requests.length], [4, 1]);
});

const WAYS = { directly: {}, "over a connection of our own": { enableIpv6: false } };

for (const [way, options] of Object.entries(WAYS)) {
  test(
    `107 a certificate that is its own authority, ${way}: taken when it is given`,
    WITH_OPENSSL,
    async () => {
      await using reach = await Reach.open();
      await using server = await FaultServer.start(REACH_FILE);
      const own = await makeSelfSigned(reach.dir.path);
      await using front = await TlsFront.start(server.url, own);
      await reach.complete(front.url, { ...options, tls: { ca: await reach.read(own.cert) } });
      await reach.fail("tls", front.url, options);
    },
  );

  test(`111 NODE_TLS_REJECT_UNAUTHORIZED=0, ${way}: changes nothing`, WITH_OPENSSL, async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const authority = await Authority.make(reach.dir.path, "authority");
    await using front = await TlsFront.start(server.url, await authority.issue("server"));
    const flags = "enableIpv6" in options ? ["-4"] : [];
    const { status, stderr } = await runBytehaul([...flags, "-d", reach.dir.join("out"), front.url], {
      env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    });
    assert.match(stderr, /certificate cannot be trusted/);
    assert.equal(status, 1);
    assert.equal(server.requests.length, 0);
  });
}
