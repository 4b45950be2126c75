import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { TlsOptions } from "../../mod.ts";
import { answerTo, readQuestion } from "../helpers/doubles/dns_answer.ts";
import { Reach, REACH_FILE, type ReachOptions } from "../helpers/scenes/reach.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { findTinyproxy, startTinyproxy } from "../helpers/servers/tinyproxy.ts";
import { Authority, type Certificate, WITH_OPENSSL } from "../helpers/sockets/certificate.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";

const skipProxy = await skipWithout("client certificates and a proxy", { tinyproxy: findTinyproxy });
const CLIENT = "bytehaul test client";
const NAME = "files.example";
const A = 1;

/** A server whose client certificates are seen. */
interface Host {
  readonly server: FaultServer;
  readonly front: TlsFront;
}

class World implements AsyncDisposable {
  readonly reach: Reach;
  readonly tls: TlsOptions;
  readonly #certificate: Certificate;
  readonly #stack: AsyncDisposableStack;

  private constructor(reach: Reach, tls: TlsOptions, certificate: Certificate, stack: AsyncDisposableStack) {
    this.reach = reach;
    this.tls = tls;
    this.#certificate = certificate;
    this.#stack = stack;
  }

  static async start(): Promise<World> {
    const stack = new AsyncDisposableStack();
    const reach = stack.use(await Reach.open());
    const authority = await Authority.make(reach.dir.path, "authority");
    const client = await authority.issue("client", { side: "client", names: "DNS:client" });
    const [ca, cert, key] = await Promise.all(
      [authority.caCert, client.cert, client.key].map((path) => readFile(path, "utf8")),
    );
    const server = await authority.issue("server", { names: `DNS:${NAME}, IP:127.0.0.1` });
    return new World(reach, { ca: ca!, cert: cert!, key: key! }, server, stack);
  }

  /** Starts a server over https, which requests a certificate and takes none as well. */
  async host(respond?: (request: RecordedRequest) => Reply | undefined): Promise<Host> {
    const server = this.#stack.use(await FaultServer.start({ ...REACH_FILE, ...(respond && { respond }) }));
    return { server, front: await this.front(server.url) };
  }

  async front(url: string): Promise<TlsFront> {
    const settings = { requestCert: true, rejectUnauthorized: false };
    return this.#stack.use(await TlsFront.start(url, this.#certificate, settings));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Checks that a server was reached, and which certificate it saw, if any. */
function assertSaw(front: TlsFront, wanted: string | undefined): void {
  assert.deepEqual([...new Set(front.clients)], [wanted]);
}

const WAYS: Readonly<Record<string, ReachOptions>> = {
  "directly": {},
  "over connections of our own": { enableIpv6: false },
};

for (const [name, way] of Object.entries(WAYS)) {
  test(`112 a client certificate, ${name}: for the caller's origin, not for a redirect's`, {
    ...WITH_OPENSSL,
    timeout: 30_000,
  }, async () => {
    await using world = await World.start();
    const other = await world.host();
    const own = await world.host(({ path }) =>
      path === "/file.bin"
        ? undefined
        : { status: 302, headers: { Location: path === "/here" ? "/file.bin" : other.front.url } }
    );
    const options = { ...way, tls: world.tls };
    await world.reach.complete(new URL("/here", own.front.url).href, options, { maxConnections: 4 });
    assertSaw(own.front, CLIENT);
    await world.reach.complete(new URL("/there", own.front.url).href, options, { maxConnections: 4 });
    assertSaw(own.front, CLIENT);
    assertSaw(other.front, undefined);
  });

  test(`112 a client certificate, ${name}: connections that showed it serve nobody else`, {
    ...WITH_OPENSSL,
    timeout: 30_000,
  }, async () => {
    await using world = await World.start();
    const own = await world.host();
    const other = await world.host(() => ({ status: 302, headers: { Location: own.front.url } }));
    const starter = world.reach.start({ ...way, tls: world.tls });
    try {
      for (const url of [own.front.url, other.front.url]) {
        await starter.download(world.reach.spec(url)).wait();
      }
    } finally {
      await starter.close();
    }
    assert.deepEqual(own.front.clients, [CLIENT, undefined]);
  });

  test(`112 a client certificate, ${name}: not for what refresh supplies, nor for a list elsewhere`, {
    ...WITH_OPENSSL,
    timeout: 30_000,
  }, async () => {
    await using world = await World.start();
    const fresh = await world.host();
    const lists = await world.host(() => ({ status: 404 }));
    const own = await world.host(({ range }) =>
      range?.start === 0 ? { range: { start: 0, end: 100_000 } } : { status: 403 }
    );
    const options = { ...way, tls: world.tls };
    await world.reach.complete(own.front.url, options, {
      refresh: () => Promise.resolve({ url: fresh.front.url }),
    });
    assertSaw(own.front, CLIENT);
    assertSaw(fresh.front, undefined);
    await world.reach.fail("checksum_list", own.front.url, options, { checksumFile: lists.front.url });
    assertSaw(lists.front, undefined);
  });
}

test("112 a client certificate is not for a proxy over https, only for the server behind it", {
  skip: WITH_OPENSSL.skip || skipProxy,
  timeout: 30_000,
}, async () => {
  await using world = await World.start();
  await using tinyproxy = await startTinyproxy(world.reach.dir);
  const proxy = await world.front(tinyproxy.url);
  const own = await world.host();
  const options = { allProxy: `https://${proxy.host}`, tls: world.tls };
  await world.reach.complete(own.front.url, options);
  await world.reach.complete(own.server.url, options);
  assertSaw(own.front, CLIENT);
  assertSaw(proxy, undefined);
});

test("112 a DNS server over https gets neither client certificate nor cookies", {
  ...WITH_OPENSSL,
  timeout: 30_000,
}, async () => {
  await using world = await World.start();
  const dns = await world.host(({ path }) => {
    const question = Buffer.from(new URL(path, "https://dns").searchParams.get("dns") ?? "", "base64url");
    const { name, type } = readQuestion(question);
    const records = type === A ? [{ owner: name, type, data: [127, 0, 0, 1] }] : [];
    return { status: 200, body: answerTo(question, { records }) };
  });
  const own = await world.host();
  const { port } = new URL(own.front.url);
  await world.reach.complete(`https://${NAME}:${port}/file.bin`, {
    dohServers: [new URL("/dns-query", dns.front.url).href],
    tls: world.tls,
  }, {
    cookies: [NAME, "127.0.0.1"].map((host) => [host, "FALSE", "/", "FALSE", "0", "id", "s3cret"].join("\t"))
      .join("\n"),
  });
  assertSaw(own.front, CLIENT);
  assert.equal(own.server.requests[0]?.headers["cookie"], "id=s3cret");
  assertSaw(dns.front, undefined);
  assert.doesNotMatch(JSON.stringify(dns.server.requests), /s3cret|cookie|authorization/i);
});
