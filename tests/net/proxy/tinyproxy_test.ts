import assert from "node:assert/strict";
import { test } from "node:test";
import { Authority } from "../../helpers/sockets/certificate.ts";
import { freePort } from "../../helpers/servers/daemon.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { findNginx } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, REACH_FILE, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { type Talk, Talker } from "../../helpers/sockets/talker.ts";
import { findTinyproxy, startTinyproxy, type Tinyproxy } from "../../helpers/servers/tinyproxy.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";

const skip = await skipWithout("tinyproxy", { tinyproxy: findTinyproxy, nginx: findNginx });

const USER = "joe:hush%2Ehush";
const WRONG_USER = "joe:loud.loud";
/** As tinyproxy is told. */
const PLAIN_USER = "joe:hush.hush";

type World = { readonly reach: Reach; readonly http: string; readonly https: string; readonly ca: string };

/** Starts nginx behind which the file is, and stops it when `run` is done. */
async function withNginx(run: (world: World) => Promise<void>): Promise<void> {
  await using reach = await Reach.open();
  await using nginx = await reach.nginx({ tls: true });
  const { origin, tlsOrigin = "", caCert = "" } = nginx;
  reach.secrets.push("hush", "loud");
  await run({
    reach,
    http: `${origin}/file.bin`,
    https: `${tlsOrigin}/file.bin`,
    ca: await reach.read(caCert),
  });
}

function withUser(proxy: Tinyproxy, user: string): string {
  return `http://${user}@${proxy.host}`;
}

test(
  "tinyproxy by a name that only we know: http and https",
  { skip, timeout: 30_000 },
  () =>
    withNginx(async ({ reach, http, https, ca }) => {
      await using proxy = await startTinyproxy(reach.dir, { user: PLAIN_USER });
      const { port } = new URL(proxy.url);
      const options = {
        allProxy: `http://${USER}@proxy.example:${port}`,
        resolve: { [`proxy.example:${port}`]: ["127.0.0.2", "127.0.0.1"] },
        tls: { ca },
      };
      await reach.complete(http, options);
      await reach.complete(https, options);
      await reach.complete(https, { ...options, tls: { insecure: true } });
      const tunnel = `CONNECT ${new URL(https).host} HTTP/1.1`;
      assert.deepEqual(await proxy.requests(), [`GET ${http} HTTP/1.1`, tunnel, tunnel]);
      const wrong = { ...options, allProxy: `http://${WRONG_USER}@proxy.example:${port}` };
      assert.match(
        (await reach.fail("proxy", https, wrong)).message,
        /refuses the user name or the password \(407\)$/,
      );
    }),
);

for (const scheme of ["http", "https"] as const) {
  test(
    `tinyproxy asks for a password that is not given, for ${scheme}`,
    { skip, timeout: 30_000 },
    () =>
      withNginx(async ({ reach, ca, ...urls }) => {
        await using proxy = await startTinyproxy(reach.dir, { user: PLAIN_USER });
        const error = await reach.fail("proxy", urls[scheme], { allProxy: proxy.url, tls: { ca } });
        const reason = "it asks for a user name and a password (407)";
        assert.deepEqual([error.message, error.retryable], [
          `Cannot use the proxy ${proxy.url}: ${reason}`,
          false,
        ]);
        assert.deepEqual(reach.messages, [], "it is not tried again");
      }),
  );
}

test(
  "tinyproxy refuses a password",
  { skip, timeout: 30_000 },
  () =>
    withNginx(async ({ reach, http, https, ca }) => {
      await using proxy = await startTinyproxy(reach.dir, { user: PLAIN_USER });
      const options = { allProxy: withUser(proxy, WRONG_USER), tls: { ca } };
      const error = await reach.fail("proxy", https, options);
      const reason = "it refuses the user name or the password (407)";
      assert.deepEqual([error.message, error.retryable], [
        `Cannot use the proxy ${proxy.url}: ${reason}`,
        false,
      ]);
      // It answers 401, which without a tunnel is the same as from a server.
      assert.equal((await reach.fail("http_status", http, options)).retryable, false);
      assert.deepEqual(reach.messages, [], "it is not tried again");
    }),
);

for (const scheme of ["http", "https"] as const) {
  test(`a proxy that answers 407, for ${scheme}`, async () => {
    await using reach = await Reach.open();
    reach.secrets.push("hush");
    const head = 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 4\r\n\r\nhush';
    await using proxy = await Talker.start((socket) => void socket.on("data", () => socket.write(head)));
    const allProxy = `http://${USER}@${proxy.host}`;
    const error = await reach.fail("proxy", `${scheme}://files.example/file.bin`, { allProxy });
    assert.match(error.message, /: it refuses the user name or the password \(407\)$/);
    assert.equal(error.retryable, false);
  });
}

test(
  "tinyproxy: a port to which it opens no tunnel",
  { skip, timeout: 30_000 },
  () =>
    withNginx(async ({ reach, http, https, ca }) => {
      await using proxy = await startTinyproxy(reach.dir, { tunnelPorts: [1] });
      const error = await reach.fail("proxy", https, { allProxy: proxy.url, tls: { ca } });
      const { host } = new URL(https);
      assert.equal(error.message, `Cannot use the proxy ${proxy.url}: it would not connect to ${host} (403)`);
      assert.equal(error.retryable, false);
      await reach.complete(http, { allProxy: proxy.url, tls: { ca } });
    }),
);

for (const scheme of ["http", "https"] as const) {
  test(
    `tinyproxy is not there, for ${scheme}`,
    { skip, timeout: 30_000 },
    () =>
      withNginx(async ({ reach, ca, ...urls }) => {
        const allProxy = `http://${USER}@127.0.0.1:${await freePort()}`;
        const error = await reach.fail("proxy", urls[scheme], { allProxy, tls: { ca } });
        const host = new URL(allProxy).host;
        assert.equal(error.message, `Cannot use the proxy http://${host}: the connection was refused`);
        assert.equal(error.retryable, true);
        assert.equal(reach.messages.length, 1, "it is tried again");
      }),
  );

  test(
    `tinyproxy reaches no server, for ${scheme}`,
    { skip, timeout: 30_000 },
    async () => {
      await using reach = await Reach.open();
      await using proxy = await startTinyproxy(reach.dir);
      const url = `${scheme}://127.0.0.1:${await freePort()}/file.bin`;
      // For http the answer of the proxy is one like any other of the server.
      const code = scheme === "http" ? "http_status" : "proxy";
      const error = await reach.fail(code, url, { allProxy: proxy.url });
      assert.equal(error.retryable, true);
      assert.match(error.message, /50\d/);
    },
  );
}

test(
  "tinyproxy: which of several proxies is used",
  { skip, timeout: 60_000 },
  () =>
    withNginx(async ({ reach, http, https, ca }) => {
      await using proxy = await startTinyproxy(reach.dir);
      await using other = await startTinyproxy(reach.dir);
      const dead = `http://127.0.0.1:${await freePort()}`;
      const host = new URL(http).host;
      const cases: readonly [
        name: string,
        url: string,
        options: ReachOptions,
        spec: Parameters<Reach["complete"]>[2],
        used: "proxy" | "none",
      ][] = [
        ["the environment, for http", http, { environment: { http_proxy: proxy.url } }, {}, "proxy"],
        [
          "the environment in upper case, for https",
          https,
          { environment: { HTTPS_PROXY: proxy.url } },
          {},
          "proxy",
        ],
        ["the environment, for all", https, { environment: { all_proxy: proxy.url } }, {}, "proxy"],
        ["the environment, for the other scheme", https, { environment: { http_proxy: dead } }, {}, "none"],
        [
          "the environment, with an exception",
          http,
          {
            environment: { ALL_PROXY: dead, NO_PROXY: "example.com, 127.0.0.1" },
          },
          {},
          "none",
        ],
        [
          "the downloader before the environment",
          http,
          {
            environment: { http_proxy: dead },
            allProxy: proxy.url,
          },
          {},
          "proxy",
        ],
        [
          "the spec before the downloader",
          https,
          {
            environment: { https_proxy: dead },
            allProxy: other.url,
          },
          { allProxy: proxy.url },
          "proxy",
        ],
        ["the scheme before all", http, { httpProxy: proxy.url, allProxy: dead }, {}, "proxy"],
        ["false in the spec", http, { environment: { http_proxy: dead }, allProxy: dead }, {
          proxy: false,
        }, "none"],
        ["false in the spec, for https", https, { environment: { https_proxy: dead } }, {
          proxy: false,
        }, "none"],
        ["false in the downloader", http, { environment: { http_proxy: dead }, proxy: false }, {}, "none"],
        ["an exception in the downloader", http, { allProxy: dead, noProxy: host }, {}, "none"],
        ["an exception in the spec", http, { allProxy: dead }, { noProxy: "127.0.0.0/8" }, "none"],
        [
          "an exception in the spec from the environment",
          https,
          { environment: { https_proxy: dead } },
          { noProxy: "*" },
          "none",
        ],
        ["an exception for another host", http, { allProxy: proxy.url, noProxy: "127.0.0.2" }, {}, "proxy"],
      ];
      for (const [name, url, options, spec, used] of cases) {
        const before = (await proxy.requests()).length;
        await reach.complete(url, { environment: {}, ...options, tls: { ca } }, spec);
        const after = (await proxy.requests()).length;
        assert.equal(after - before, used === "proxy" ? 1 : 0, name);
      }
      assert.deepEqual(await other.requests(), []);
    }),
);

test("tinyproxy: many leases over four connections", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using proxy = await startTinyproxy(reach.dir);
  const step = 16_384;
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: ({ range }) => ({
      range: { start: range!.start, end: Math.min(range!.end, range!.start + step) },
    }),
  });
  await reach.complete(server.url, { allProxy: proxy.url }, { maxConnections: 4 });
  const requests = await proxy.requests();
  assert.ok(requests.length >= REACH_FILE.size / step, `${requests.length} requests`);
  assert.equal(requests.length, server.requests.length);
  assert.ok(requests.every((line) => line === `GET ${server.url} HTTP/1.1`));
});

test(
  "tinyproxy behind TLS: an https:// proxy, for http and https",
  { skip, timeout: 30_000 },
  () =>
    withNginx(async ({ reach, http, https, ca }) => {
      await using proxy = await startTinyproxy(reach.dir, { user: PLAIN_USER });
      const authority = await Authority.make(reach.dir.path, "proxies");
      await using front = await TlsFront.start(proxy.url, await authority.issue("proxy"));
      const allProxy = `https://${USER}@${front.host}`;
      const cas = [ca, await reach.read(authority.caCert)];
      await reach.complete(http, { allProxy, tls: { ca: cas } });
      await reach.complete(https, { allProxy, tls: { ca: cas } });
      assert.deepEqual(await proxy.requests(), [
        `GET ${http} HTTP/1.1`,
        `CONNECT ${new URL(https).host} HTTP/1.1`,
      ]);
      // Without trust in the proxy nothing is said to it.
      for (const url of [http, https]) {
        const error = await reach.fail("proxy", url, { allProxy, tls: { ca } });
        assert.match(error.message, new RegExp(`^Cannot use the proxy https://${front.host}: `));
        assert.equal(error.retryable, false);
      }
      assert.equal((await proxy.requests()).length, 2);
      const wrong = await reach.fail("proxy", https, {
        allProxy: `https://${WRONG_USER}@${front.host}`,
        tls: { ca: cas },
      });
      assert.match(wrong.message, /\(407\)$/);
    }),
);

const CUTS: Readonly<Record<string, Talk>> = {
  "closes the connection at once": (socket) => void socket.end(),
  "closes the connection when it is asked": (socket) => void socket.once("data", () => socket.end()),
  "resets the connection when it is asked": (socket) =>
    void socket.once("data", () => socket.resetAndDestroy()),
  "answers half a head": (socket) => void socket.once("data", () => socket.end("HTTP/1.1 200 Conn")),
  "answers rubbish": (socket) => void socket.once("data", () => socket.end("220 smtp.example ESMTP\r\n\r\n")),
};

for (const [name, talk] of Object.entries(CUTS)) {
  for (const scheme of ["http", "https"] as const) {
    test(`a proxy that ${name}, for ${scheme}`, async () => {
      await using reach = await Reach.open();
      reach.secrets.push("hush");
      await using proxy = await Talker.start(talk);
      const error = await reach.fail("proxy", `${scheme}://files.example/file.bin`, {
        allProxy: `http://${USER}@${proxy.host}`,
      });
      assert.match(error.message, new RegExp(`^Cannot use the proxy http://${proxy.host}: .`));
      assert.equal(error.retryable, true);
      assert.equal(reach.messages.length, 1, "it is tried again");
    });
  }
}
