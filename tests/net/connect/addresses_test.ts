import assert from "node:assert/strict";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { BlackHole, hasIpv6 } from "../../helpers/sockets/black_hole.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../helpers/servers/dnsmasq.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { findNginx } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, REACH_FILE, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { WITH_REFUSALS } from "../../helpers/wine.ts";

const findIpv6 = async () => await hasIpv6() ? "::1" : undefined;
const skip = await skipWithout("addresses that swallow everything", { nginx: findNginx });
const skipIpv6 = await skipWithout("addresses of both families", { nginx: findNginx, "IPv6": findIpv6 });
const skipDns = skipIpv6 || await skipWithout("addresses of dnsmasq", { dnsmasq: findDnsmasq });

/** Much longer than a second address has to wait, so that it shows when one waits for it. */
const CONNECT_TIMEOUT_MS = 3000;
const QUICK_MS = 5000;
const NAME = `both.${DNSMASQ_DOMAIN}`;

type World = { readonly reach: Reach; readonly server: FaultServer; readonly port: number };

async function withServer(run: (world: World) => Promise<void>): Promise<void> {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  await run({ reach, server, port: Number(new URL(server.url).port) });
}

/** Downloads without a second try, and checks that nothing waited for a timeout. */
async function completeQuickly(reach: Reach, url: string, options: ReachOptions = {}): Promise<void> {
  const startedMs = performance.now();
  await reach.complete(url, options, { connectTimeoutMs: CONNECT_TIMEOUT_MS, maxRetries: 0 });
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs < QUICK_MS, `${elapsedMs} ms`);
}

test(
  "the first address refuses: the next one is taken",
  WITH_REFUSALS,
  () =>
    withServer(async ({ reach, server, port }) => {
      const resolve = { [`files.example:${port}`]: ["127.0.0.2", "127.0.0.3", "127.0.0.1"] };
      await completeQuickly(reach, `http://files.example:${port}/file.bin`, { resolve });
      assert.equal(server.requests.length, 1);
    }),
);

test(
  "every address refuses: an error that may pass",
  WITH_REFUSALS,
  () =>
    withServer(async ({ reach, port }) => {
      const resolve = { [`files.example:${port}`]: ["127.0.0.2", "127.0.0.3"] };
      const error = await reach.fail("connect", `http://files.example:${port}/file.bin`, { resolve });
      assert.equal(error.message, "Cannot connect to files.example: the connection was refused");
      assert.equal(error.retryable, true);
    }),
);

test(
  "the first address swallows everything: the next one is tried soon",
  { skip, timeout: 30_000 },
  () =>
    withServer(async ({ reach, port }) => {
      await using _ = await BlackHole.open(reach.dir, "127.0.0.2", port);
      const resolve = { [`files.example:${port}`]: ["127.0.0.2", "127.0.0.1"] };
      await completeQuickly(reach, `http://files.example:${port}/file.bin`, { resolve });
    }),
);

test(
  "the only address swallows everything: connectTimeoutMs",
  { skip, timeout: 30_000 },
  () =>
    withServer(async ({ reach, port }) => {
      await using _ = await BlackHole.open(reach.dir, "127.0.0.2", port);
      const resolve = { [`files.example:${port}`]: "127.0.0.2" };
      for (
        const [url, options] of [[`http://files.example:${port}/`, { resolve }], [
          `http://127.0.0.2:${port}/`,
          {},
        ]] as const
      ) {
        const startedMs = performance.now();
        await reach.fail("timeout", url, options, { connectTimeoutMs: 300, maxRetries: 0 });
        const elapsedMs = performance.now() - startedMs;
        assert.ok(elapsedMs >= 290 && elapsedMs < 10_000, `${elapsedMs} ms`);
      }
    }),
);

for (const [name, dns] of [["an address that was set", false], ["dnsmasq", true]] as const) {
  test(
    `${name}: IPv6 swallows everything, IPv4 works`,
    { skip: dns ? skipDns : skipIpv6, timeout: 30_000 },
    () =>
      withServer(async ({ reach, port }) => {
        await using _ = await BlackHole.open(reach.dir, "::1", port);
        const url = `http://${NAME}:${port}/file.bin`;
        if (!dns) {
          return await completeQuickly(reach, url, {
            resolve: { [`${NAME}:${port}`]: ["::1", "127.0.0.1"] },
          });
        }
        const hosts = { [NAME]: ["::1", "127.0.0.1"] };
        await using server = await startDnsmasq({ dir: reach.dir, hosts, ttlSeconds: 60 });
        await completeQuickly(reach, url, { dnsServers: [`127.0.0.1:${server.endpoint.port}`] });
      }),
  );
}

test(
  "IPv6 switched off: none is asked for, and nothing is sent there",
  { skip: skipDns, timeout: 30_000 },
  () =>
    withServer(async ({ reach, server, port }) => {
      await using six = await Talker.silent("::1", port);
      await using dns = await startDnsmasq({
        dir: reach.dir,
        hosts: { [NAME]: ["::1", "127.0.0.1"], [`six.${DNSMASQ_DOMAIN}`]: ["::1"] },
        ttlSeconds: 60,
      });
      const options = { enableIpv6: false, dnsServers: [`127.0.0.1:${dns.endpoint.port}`] };
      await completeQuickly(reach, `http://${NAME}:${port}/file.bin`, options);
      assert.deepEqual(await dns.questions(), [`A ${NAME}`]);
      const missing = await reach.fail("dns", `http://six.${DNSMASQ_DOMAIN}:${port}/file.bin`, options);
      assert.match(missing.message, /DNS has no A record for it$/);
      assert.deepEqual((await dns.questions()).filter((line) => line.startsWith("AAAA")), []);
      await completeQuickly(reach, `http://localhost:${port}/file.bin`, { enableIpv6: false });
      const literal = await reach.fail("dns", `http://[::1]:${port}/file.bin`, { enableIpv6: false });
      assert.match(literal.message, /IPv6 is switched off/);
      assert.equal(literal.retryable, false);
      assert.equal(six.connections, 0);
      assert.equal(server.requests.length, 2);
    }),
);

test("IPv6 on: a server that has only that is reached", { skip: skipIpv6, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { port } = new URL(server.url);
  await using six = await Talker.start((socket) => {
    const four = connect(Number(port), "127.0.0.1");
    socket.pipe(four).pipe(socket);
    socket.on("close", () => four.destroy());
  }, "::1");
  await completeQuickly(reach, `http://[::1]:${six.port}/file.bin`);
  await completeQuickly(reach, `http://files.example:${six.port}/file.bin`, {
    resolve: { [`files.example:${six.port}`]: "::1" },
  });
  assert.equal(six.connections, 2);
});

test("localAddress: one that this machine does not have is refused before anything is sent", () =>
  withServer(async ({ reach, server }) => {
    const own = Object.values(networkInterfaces()).flatMap((them) => them ?? []).map(({ address }) =>
      address
    );
    for (const localAddress of ["192.0.2.77", "2001:db8::77"]) {
      assert.ok(!own.includes(localAddress));
      const starter = reach.start({ localAddress });
      try {
        const error: unknown = await starter.download(reach.spec(server.url)).wait().then(
          () => "none",
          (it) => it,
        );
        assert.ok(error instanceof TypeError, `${error}`);
        assert.match(error.message, new RegExp(`^Cannot .*${localAddress}`));
      } finally {
        await starter.close();
      }
    }
    assert.deepEqual([server.connections, await reach.outputs()], [0, []]);
  }));

test("localAddress: a name without an address of its family", () =>
  withServer(async ({ reach, server, port }) => {
    const options = { localAddress: "127.0.0.5", resolve: { [`files.example:${port}`]: "2001:db8::1" } };
    const error = await reach.fail("connect", `http://files.example:${port}/file.bin`, options);
    assert.match(error.message, /none of its addresses can be reached from 127\.0\.0\.5$/);
    assert.equal(server.connections, 0);
  }));
