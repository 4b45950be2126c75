import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../helpers/servers/daemon.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../helpers/servers/dnsmasq.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { findMicrosocks, startMicrosocks } from "../../helpers/servers/microsocks.ts";
import { findNginx } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { startSocksDouble } from "../../helpers/sockets/socks_double.ts";
import { type Talk, Talker } from "../../helpers/sockets/talker.ts";

const skip = await skipWithout("microsocks", { microsocks: findMicrosocks, nginx: findNginx });
const skipDns = skip || await skipWithout("microsocks with names", { dnsmasq: findDnsmasq });

/** As microsocks is told. */
const PLAIN_USER = "joe:hush@hush";

test("microsocks: a wrong password, and none", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  reach.secrets.push("hush", "loud");
  await using proxy = await startMicrosocks(reach.dir, PLAIN_USER);
  const url = "http://127.0.0.1:8080/file.bin";
  const wrong = await reach.fail("proxy", url, { allProxy: `socks5://joe:loud@${proxy.host}` });
  const name = `Cannot use the proxy socks5://${proxy.host}`;
  assert.equal(wrong.message, `${name}: it refused the user name or the password`);
  const none = await reach.fail("proxy", url, { allProxy: `socks5://${proxy.host}` });
  assert.equal(none.message, `${name}: it asks for a user name and a password`);
  assert.deepEqual([wrong.retryable, none.retryable, reach.messages], [false, false, []]);
});

test("microsocks reaches no server, or is not there", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using proxy = await startMicrosocks(reach.dir);
  const url = `http://127.0.0.1:${await freePort()}/file.bin`;
  const refused = await reach.fail("proxy", url, { allProxy: `socks5h://${proxy.host}` });
  assert.match(
    refused.message,
    /^Cannot use the proxy socks5h:\/\/127\.0\.0\.1:\d+: it could not connect \(/,
  );
  assert.equal(refused.retryable, true);
  const allProxy = `socks5://127.0.0.1:${await freePort()}`;
  const gone = await reach.fail("proxy", url, { allProxy });
  assert.equal(gone.message, `Cannot use the proxy ${allProxy}: the connection was refused`);
  assert.equal(gone.retryable, true);
});

test(
  "microsocks: with socks5 the names are those of our DNS server",
  { skip: skipDns, timeout: 30_000 },
  async () => {
    await using reach = await Reach.open();
    await using nginx = await reach.nginx();
    await using proxy = await startMicrosocks(reach.dir);
    const name = `files.${DNSMASQ_DOMAIN}`;
    await using dns = await startDnsmasq({
      dir: reach.dir,
      hosts: { [name]: ["127.0.0.1"] },
      ttlSeconds: 60,
    });
    const { port } = new URL(nginx.origin);
    const dnsServers = [`127.0.0.1:${dns.endpoint.port}`];
    const url = `http://${name}:${port}/file.bin`;
    await reach.complete(url, { allProxy: `socks5://${proxy.host}`, dnsServers });
    assert.deepEqual(await proxy.connections(), [`127.0.0.1:${port}`]);
    assert.deepEqual((await dns.questions()).sort(), [`A ${name}`, `AAAA ${name}`]);
    // The proxy's own names are others.
    const error = await reach.fail("proxy", url, { allProxy: `socks5h://${proxy.host}`, dnsServers });
    assert.equal(error.retryable, true);
    assert.equal((await dns.questions()).length, 2);
  },
);

test("socks5h: the name goes to the proxy, which alone knows it", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { talker, requests } = await startSocksDouble(() => ({ port: Number(new URL(server.url).port) }));
  await using _ = talker;
  await reach.complete("http://nowhere.bytehaul.invalid:8080/file.bin", {
    allProxy: `socks5h://${talker.host}`,
  });
  assert.deepEqual(requests, [{ kind: 3, host: "nowhere.bytehaul.invalid" }]);
  assert.equal(server.requests[0]?.headers["host"], "nowhere.bytehaul.invalid:8080");
});

test("socks5: every address of a name is tried", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { talker, requests } = await startSocksDouble(({ kind }) =>
    kind === 4 ? { refusal: 3 } : { port: Number(new URL(server.url).port) }
  );
  await using _ = talker;
  const resolve = { "both.example:8080": ["2001:db8::1", "192.0.2.1"] };
  const options = { allProxy: `socks5://${talker.host}`, resolve };
  await reach.complete("http://both.example:8080/file.bin", options, { maxRetries: 0 });
  assert.deepEqual(requests.map(({ kind }) => kind), [4, 1]);
});

const CUTS: Readonly<Record<string, Talk>> = {
  "closes the connection": (socket) => void socket.once("data", () => socket.end()),
  "resets the connection": (socket) => void socket.once("data", () => socket.resetAndDestroy()),
  "is no SOCKS proxy": (socket) =>
    void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  "closes the connection after the greeting": (socket) =>
    void socket.once("data", () => {
      socket.write(Uint8Array.of(5, 0));
      socket.once("data", () => socket.end());
    }),
};

for (const [name, talk] of Object.entries(CUTS)) {
  test(`a SOCKS proxy that ${name}`, async () => {
    await using reach = await Reach.open();
    await using proxy = await Talker.start(talk);
    const allProxy = `socks5h://${proxy.host}`;
    const error = await reach.fail("proxy", "https://files.example/file.bin", { allProxy });
    assert.ok(error.message.startsWith(`Cannot use the proxy ${allProxy}: it `), error.message);
    assert.equal(error.retryable, true);
  });
}
