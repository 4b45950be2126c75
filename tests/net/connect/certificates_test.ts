import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import type { TlsOptions } from "../../../mod.ts";
import { Authority, type Certificate } from "../../helpers/sockets/certificate.ts";
import { assertFileIs, writeContentFile } from "../../../testing/content.ts";
import { freePort, startDaemon } from "../../helpers/servers/daemon.ts";
import { findNginx, type NginxOptions, type NginxServer } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { findTinyproxy, startTinyproxy } from "../../helpers/servers/tinyproxy.ts";

const skip = await skipWithout("certificates", { nginx: findNginx });
const skipProxy = skip || await skipWithout("certificates through a proxy", { tinyproxy: findTinyproxy });

/** How a server is reached: by the runtime's own means, over connections of our own, through a proxy. */
type Way = (url: string, proxy: string) => ReachOptions;

const WAYS: Readonly<Record<string, Way>> = {
  "directly": () => ({}),
  "over connections of our own": (url) => ({ resolve: { [new URL(url).host]: "127.0.0.1" } }),
  "through tinyproxy": (_, proxy) => ({ allProxy: proxy }),
};

/** Deno's own TLS says only that a handshake failed. Over connections of our own a second one gives the reason. */
function handshakesOf(name: string): number {
  return "Deno" in globalThis && name !== "directly" ? 2 : 1;
}

type World = {
  readonly reach: Reach;
  readonly authority: Authority;
  readonly ca: string;
  readonly proxy: string;
  readonly serve: (
    name: string,
    certificate: Certificate,
    options?: Partial<NginxOptions>,
  ) => Promise<NginxServer>;
};

async function withAuthority(usesProxy: boolean, run: (world: World) => Promise<void>): Promise<void> {
  await using reach = await Reach.open();
  const authority = await Authority.make(reach.dir.path, "authority");
  await using stack = new AsyncDisposableStack();
  const proxy = usesProxy ? stack.use(await startTinyproxy(reach.dir)).url : "";
  const serve: World["serve"] = async (name, certificate, options = {}) => {
    await mkdir(reach.dir.join(name));
    return stack.use(await reach.nginx({ tls: true, certificate, dir: reach.dir.join(name), ...options }));
  };
  await run({ reach, authority, ca: await reach.read(authority.caCert), proxy, serve });
}

function urlOf(server: NginxServer): string {
  return `${server.tlsOrigin!.replace("127.0.0.1", "localhost")}/file.bin`;
}

async function identityFrom({ cert, key }: Certificate): Promise<Pick<TlsOptions, "cert" | "key">> {
  return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
}

for (const [name, way] of Object.entries(WAYS)) {
  const isSkipped = name.includes("tinyproxy") ? skipProxy : skip;
  const usesProxy = name.includes("tinyproxy");

  test(
    `TLS ${name}: a private authority, trusted when that is asked`,
    { skip: isSkipped, timeout: 30_000 },
    () =>
      withAuthority(usesProxy, async ({ reach, authority, ca, proxy, serve }) => {
        const server = await serve("good", await authority.issue("server"), { http2: true });
        const url = urlOf(server);
        const options = way(url, proxy);
        await reach.complete(url, { ...options, tls: { ca } });
        const error = await reach.fail("tls", url, options);
        assert.equal(error.retryable, false);
        await reach.complete(url, { ...options, tls: { ca: [ca, ca] } });
        await server.stop();
        const requests = await server.requests();
        assert.deepEqual(requests.map(({ status, protocol }) => [status, protocol]), [
          [206, "HTTP/1.1"],
          [206, "HTTP/1.1"],
        ]);
        // The failure was not tried again.
        assert.equal(requests[1]!.connection - requests[0]!.connection, 1 + handshakesOf(name));
        assert.deepEqual(reach.messages, []);
      }),
  );

  test(
    `TLS ${name}: a certificate of our own`,
    { skip: isSkipped, timeout: 30_000 },
    () =>
      withAuthority(usesProxy, async ({ reach, authority, ca, proxy, serve }) => {
        const clients = await Authority.make(reach.dir.path, "clients");
        const own = await identityFrom(await clients.issue("client", { side: "client", names: "DNS:joe" }));
        const wrong = await identityFrom(
          await authority.issue("stranger", { side: "client", names: "DNS:joe" }),
        );
        const server = await serve("mutual", await authority.issue("server"), { clientCa: clients.caCert });
        const url = urlOf(server);
        const options = way(url, proxy);
        await reach.complete(url, { ...options, tls: { ca, ...own } });
        await reach.complete(url, { ...options, tls: { insecure: true, ...own } });
        await reach.fail("http_status", url, { ...options, tls: { ca } });
        await reach.fail("http_status", url, { ...options, tls: { ca, ...wrong } });
        await server.stop();
        const shown = (await server.requests()).map(({ status, clientCertificate }) =>
          `${status} ${clientCertificate?.replace(/:.*/, "")}`
        );
        // A refusal of a range is asked about once more, without one.
        assert.deepEqual([...new Set(shown)], ["206 SUCCESS", "400 NONE", "400 FAILED"]);
      }),
  );

  test(`TLS ${name}: a server that breaks off where it sees no certificate`, {
    skip: isSkipped,
    timeout: 30_000,
  }, () =>
    withAuthority(usesProxy, async ({ reach, authority, ca, proxy }) => {
      for (const version of ["tls1_2", "tls1_3"]) {
        // Not every runtime sends an alert when it breaks off; OpenSSL does.
        const [port, { cert, key }] = [await freePort(), await authority.issue(`server-${version}`)];
        const words = ["-accept", `127.0.0.1:${port}`, "-cert", cert, "-key", key, `-${version}`, "-quiet"];
        const wanted = ["-Verify", "1", "-verify_return_error", "-CAfile", authority.caCert];
        await using _ = await startDaemon("openssl", ["s_server", ...words, ...wanted], port);
        const url = `https://127.0.0.1:${port}/file.bin`;
        const options = { ...way(url.replace("127.0.0.1", "localhost"), proxy), tls: { ca } };
        const error = await reach.fail("tls", url, options);
        assert.match(error.message, /^Cannot reach 127\.0\.0\.1:\d+: TLS could not be set up/);
        // OpenSSL resets the connection after its alert, and a proxy may lose the alert by that.
        if (usesProxy) continue;
        assert.match(error.message, / \(.+\)$/);
        // The alert may be lost to a reset, which is retried, so that retries are not counted here.
        assert.equal(error.retryable, false, error.message);
      }
    }));

  test(
    `TLS ${name}: eight connections where HTTP/2 is offered`,
    { skip: isSkipped, timeout: 30_000 },
    () =>
      withAuthority(usesProxy, async ({ reach, authority, ca, proxy, serve }) => {
        // The first response carries a megabyte; the others begin while it is under way.
        const [seed, size] = [7, 3_000_000];
        await writeContentFile(reach.dir.join("www", "file.bin"), seed, size);
        const server = await serve("h2", await authority.issue("server"), { http2: true, limitRate: "1m" });
        const url = urlOf(server);
        const starter = reach.start({ ...way(url, proxy), tls: { ca } });
        try {
          const { path } = await starter.download(reach.spec(url, { maxConnections: 8 })).wait();
          await assertFileIs(path, seed, size);
        } finally {
          await starter.close();
        }
        await server.stop();
        const requests = await server.requests();
        const connections = new Set(requests.map(({ connection }) => connection));
        // A busy machine may not have a connection back in its pool in time, and open one more.
        assert.ok(connections.size >= 8, `${connections.size} connections`);
        assert.ok(requests.every(({ protocol, status }) => protocol === "HTTP/1.1" && status === 206));
      }),
  );
}
