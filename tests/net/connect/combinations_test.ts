import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { FaultServer } from "../../../testing/mod.ts";
import { runBytehaul } from "../../helpers/child.ts";
import { queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { Authority, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { startSocksDouble } from "../../helpers/sockets/socks_double.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { startTunnelDouble } from "../../helpers/sockets/tunnel_double.ts";

test("103 no proxy, and an environment that may not be read: its proxy is not used", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  await using proxy = await FaultServer.start(REACH_FILE);
  const { status, stderr } = await runBytehaul(["--no-proxy", "*", "-d", reach.dir.join("out"), server.url], {
    env: { HTTP_PROXY: new URL(proxy.url).origin },
    denoFlags: ["--no-prompt", "--allow-net", "--allow-read", "--allow-write"],
  });
  assert.equal(status, 0, stderr);
  assert.deepEqual([server.requests.length > 0, proxy.connections], [true, 0]);
});

test("103 socks5h with resolve: the proxy gets the fixed addresses in turn, and no name", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const port = Number(new URL(server.url).port);
  const { talker, requests } = await startSocksDouble(({ host }) =>
    host === "192.0.2.1" ? { refusal: 4 } : { port }
  );
  await using _ = talker;
  await reach.complete(`http://files.example:${port}/file.bin`, {
    allProxy: `socks5h://${talker.host}`,
    resolve: { [`files.example:${port}`]: ["192.0.2.1", "192.0.2.2"] },
  });
  assert.deepEqual(requests.map(({ host }) => host), ["192.0.2.1", "192.0.2.2"]);
});

test("103 an HTTP proxy with resolve: a tunnel goes to the fixed address", WITH_OPENSSL, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const authority = await Authority.make(reach.dir.path, "authority");
  await using front = await TlsFront.start(server.url, await authority.issue("server"));
  const { port } = new URL(front.url);
  const { talker, asked } = await startTunnelDouble(Number(port));
  await using _ = talker;
  await reach.complete(front.url.replace("127.0.0.1", "localhost"), {
    allProxy: `http://${talker.host}`,
    resolve: { [`localhost:${port}`]: "192.0.2.1" },
    tls: { ca: await reach.read(authority.caCert) },
  });
  assert.deepEqual(asked, [`CONNECT 192.0.2.1:${port} HTTP/1.1`]);
});

test("103 an HTTP proxy with resolve and an http: URL: an error before anything is sent", async () => {
  await using reach = await Reach.open();
  await using proxy = await FaultServer.start(REACH_FILE);
  const { origin } = new URL(proxy.url);
  const options = { allProxy: origin, resolve: { "files.example:80": "192.0.2.1" } };
  const error = await reach.fail("proxy", "http://files.example/file.bin", options);
  assert.equal(
    error.message,
    `Cannot use the proxy ${origin}: it looks up the names in http: URLs, so the fixed address of files.example cannot be used`,
  );
  assert.equal(proxy.connections, 0);
  await reach.complete("http://other.example/file.bin", options);
});

test("103 localAddress and resolve count for the connection to a proxy", {
  skip: WITH_OPENSSL.skip || process.platform !== "linux" && "only Linux has 127.0.0.2 without more ado",
}, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const authority = await Authority.make(reach.dir.path, "authority");
  await using front = await TlsFront.start(server.url, await authority.issue("server"));
  const { port } = new URL(front.url);
  const { talker, asked, peers } = await startTunnelDouble(Number(port));
  await using _ = talker;
  const proxyPort = talker.host.split(":")[1];
  await reach.complete(front.url.replace("127.0.0.1", "localhost"), {
    allProxy: `http://proxy.example:${proxyPort}`,
    localAddress: "127.0.0.2",
    resolve: { [`proxy.example:${proxyPort}`]: "127.0.0.1" },
    tls: { ca: await reach.read(authority.caCert) },
  });
  assert.deepEqual([asked, peers], [[`CONNECT localhost:${port} HTTP/1.1`], ["127.0.0.2"]]);
});

test("103 resolve counts for the name of a DoH server", WITH_OPENSSL, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const authority = await Authority.make(reach.dir.path, "authority");
  await using front = await TlsFront.start(
    server.url,
    await authority.issue("doh", { names: "DNS:dns.example" }),
  );
  const lookups: string[] = [];
  const runtime = runtimeWith({
    network: {
      lookup(host) {
        lookups.push(host);
        return Promise.resolve([]);
      },
    },
  });
  const { port } = new URL(front.url);
  const queue = queueOn(runtime, {
    dohServers: [`https://dns.example:${port}/dns-query`],
    resolve: { [`dns.example:${port}`]: "127.0.0.1" },
    tls: { ca: await reach.read(authority.caCert) },
  });
  try {
    await queue.add(reach.spec("http://files.example/file.bin", { maxRetries: 0 })).wait().catch(() => {});
  } finally {
    await queue.close();
  }
  assert.ok(server.requests.length > 0, "the DoH server was not asked");
  assert.deepEqual(lookups, []);
});

test("insecure: the certificate of an https proxy is checked all the same", WITH_OPENSSL, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { talker, asked } = await startTunnelDouble(Number(new URL(server.url).port));
  await using _ = talker;
  const authority = await Authority.make(reach.dir.path, "authority");
  await using front = await TlsFront.start(`http://${talker.host}/`, await authority.issue("proxy"));
  const options = { allProxy: `https://${front.host}`, tls: { insecure: true } };
  await reach.fail("proxy", "https://localhost:1/file.bin", options, { maxRetries: 0 });
  assert.deepEqual(asked, []);
});
