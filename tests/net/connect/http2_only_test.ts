import assert from "node:assert/strict";
import { test } from "node:test";
import { Reach, REACH_FILE, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { findNghttpd, startNghttpd } from "../../helpers/servers/nghttpd.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { findTinyproxy, startTinyproxy } from "../../helpers/servers/tinyproxy.ts";
import { makeCertificate, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { FaultServer } from "../../../testing/mod.ts";

const skip = await skipWithout("a server that speaks HTTP/2 only", { nghttpd: findNghttpd });
const skipProxy = skip ||
  await skipWithout("a server that speaks HTTP/2 only, through a proxy", { tinyproxy: findTinyproxy });

const WAYS: Readonly<Record<string, (proxy: string) => ReachOptions>> = {
  "directly": () => ({}),
  "over connections of our own": () => ({ enableIpv6: false }),
  "through tinyproxy": (allProxy) => ({ allProxy }),
};

for (const [name, way] of Object.entries(WAYS)) {
  const isProxied = name.includes("tinyproxy");
  test(`132 nghttpd, which speaks HTTP/2 only, ${name}: an error that says so`, {
    skip: isProxied ? skipProxy : skip,
    timeout: 30_000,
  }, async () => {
    await using reach = await Reach.open();
    await using stack = new AsyncDisposableStack();
    const certificate = await makeCertificate(reach.dir.path);
    const server = stack.use(await startNghttpd(reach.dir.join("www"), certificate));
    const proxy = isProxied ? stack.use(await startTinyproxy(reach.dir)).url : "";
    const options = { ...way(proxy), tls: { ca: await reach.read(certificate.caCert) } };
    const error = await reach.fail("tls", `${server.origin}/file.bin`, options);
    const { host } = new URL(server.origin);
    const reason = "it speaks HTTP/2 only, and bytehaul HTTP/1.1 only";
    assert.deepEqual([error.message, error.retryable], [`Cannot reach ${host}: ${reason}`, false]);
    assert.deepEqual(reach.messages, [], "it is not tried again");
  });
}

for (const name of ["directly", "over connections of our own"]) {
  test(`132 a server that refuses HTTP/1.1 in the handshake, ${name}: an error that says so`, {
    ...WITH_OPENSSL,
    timeout: 30_000,
  }, async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const certificate = await makeCertificate(reach.dir.path);
    await using front = await TlsFront.start(server.url, certificate, { ALPNProtocols: ["h2"] });
    const options = { ...WAYS[name]!(""), tls: { ca: await reach.read(certificate.caCert) } };
    const error = await reach.fail("tls", front.url, options);
    assert.match(error.message, /: it refuses HTTP\/1\.1, .*HTTP\/2 only$/);
    assert.deepEqual([error.retryable, server.connections, reach.messages], [false, 0, []]);
  });

  test(`132 a server that breaks off, and has both or neither, ${name}: nothing is said of HTTP/2`, {
    ...WITH_OPENSSL,
    timeout: 30_000,
  }, async () => {
    await using reach = await Reach.open();
    await using server = await Talker.start((socket) => void socket.once("data", () => socket.destroy()));
    const certificate = await makeCertificate(reach.dir.path);
    for (const settings of [{}, { ALPNProtocols: ["h2", "http/1.1"] }]) {
      await using front = await TlsFront.start(`http://${server.host}/file.bin`, certificate, settings);
      const options = { ...WAYS[name]!(""), tls: { ca: await reach.read(certificate.caCert) } };
      const error = await reach.fail("network", front.url, options);
      assert.doesNotMatch(error.message, /HTTP\/2/);
      assert.equal(error.retryable, true);
    }
  });
}
