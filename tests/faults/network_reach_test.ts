import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { HttpClient } from "../../src/runtime/runtime.ts";
import { BlackHole, hasIpv6 } from "../helpers/sockets/black_hole.ts";
import { Authority, WITH_OPENSSL } from "../helpers/sockets/certificate.ts";
import { freePort } from "../helpers/servers/daemon.ts";
import { FaultServer } from "../../testing/mod.ts";
import { findNginx } from "../helpers/servers/nginx.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { Reach, REACH_FILE, type ReachOptions } from "../helpers/scenes/reach.ts";
import { queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { type Talk, Talker } from "../helpers/sockets/talker.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

const skipHole = await skipWithout("addresses that swallow everything", { nginx: findNginx });
const findIpv6 = async () => await hasIpv6() ? "::1" : undefined;
const skipIpv6 = skipHole || await skipWithout("addresses of both families", { "IPv6": findIpv6 });

/** By the runtime's own means, and by ours. */
const WAYS: Readonly<Record<string, (host: string) => ReachOptions>> = {
  "directly": () => ({}),
  "over connections of our own": () => ({ resolve: { "files.example:1": "127.0.0.1" } }),
};

for (const [way, options] of Object.entries(WAYS)) {
  test(`31 no name, no listener, no trust are told apart, ${way}`, WITH_OPENSSL, async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const authority = await Authority.make(reach.dir.path, "authority");
    await using front = await TlsFront.start(server.url, await authority.issue("server"));
    const settings = options("");
    const unknown = await reach.fail("dns", "http://bytehaul.invalid:8080/file.bin", settings);
    assert.match(unknown.message, /bytehaul\.invalid\b/);
    const port = await freePort();
    const refused = await reach.fail("connect", `https://127.0.0.1:${port}/file.bin`, settings);
    assert.match(refused.message, /127\.0\.0\.1.*: .*refused/i);
    assert.deepEqual([unknown.retryable, refused.retryable, reach.messages.length], [true, true, 2]);
    const untrusted = await reach.fail("tls", front.url, settings);
    // A second connection gets the reason from `node:tls`, where Deno's own TLS has none.
    const most = "Deno" in globalThis && way !== "directly" ? 2 : 1;
    assert.deepEqual([untrusted.retryable, reach.messages.length, front.connections], [false, 2, most]);
    assert.equal(server.requests.length, 0);
  });
}

test("31 no TLS where some is expected", async () => {
  await using reach = await Reach.open();
  await using server = await Talker.start((socket) =>
    void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
  );
  const error = await reach.fail("tls", `https://${server.host}/file.bin`);
  assert.match(error.message, /^Cannot reach 127\.0\.0\.1:\d+: TLS could not be set up/);
  assert.deepEqual([error.retryable, server.connections], [false, 1]);
});

for (
  const [name, dead, alive, skip] of [
    ["the first address of two", "127.0.0.2", ["127.0.0.2", "127.0.0.1"], skipHole],
    ["the first three of four", "127.0.0.2", ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.1"], skipHole],
    ["IPv6", "::1", ["::1", "127.0.0.1"], skipIpv6],
  ] as const
) {
  test(`32 ${name} swallows everything: the other is tried`, { skip, timeout: 30_000 }, async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const { port } = new URL(server.url);
    await using _ = await BlackHole.open(reach.dir, dead, Number(port));
    const resolve = { [`files.example:${port}`]: alive };
    const startedMs = performance.now();
    await reach.complete(`http://files.example:${port}/file.bin`, { resolve }, { maxRetries: 0 });
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
  });
}

test("32 without the power to reach every address, a silent host stays with the runtime's client", async () => {
  await using reach = await Reach.open();
  let isSilent = true;
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: () => isSilent ? { never: true } : {},
  });
  let clients = 0;
  const runtime = runtimeWith({
    network: { isUnrestricted: () => false },
    client(client) {
      clients++;
      return client;
    },
  });
  const queue = queueOn(runtime, {});
  try {
    const spec = reach.spec(server.url, { connectTimeoutMs: 100, maxRetries: 0 });
    await assert.rejects(queue.add(spec).wait(), { code: "timeout" });
    isSilent = false;
    await queue.add(reach.spec(server.url, { maxRetries: 0 })).wait();
    assert.equal(clients, 1);
  } finally {
    await queue.close();
  }
});

test(
  "32 the runtime's client waits for a silent address: the next try is ours",
  { skip: skipHole },
  async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const { port } = new URL(server.url);
    await using _ = await BlackHole.open(reach.dir, "127.0.0.2", Number(port));
    let clients = 0;
    const runtime = runtimeWith({
      network: { lookup: () => Promise.resolve(["127.0.0.2", "127.0.0.1"]) },
      // The runtime's own way knows the same addresses, and tries only one.
      client: (client): HttpClient => {
        clients++;
        return {
          get: (url, options) => client.get(url.replace("files.example", "127.0.0.2"), options),
          close: () => client.close(),
        };
      },
    });
    const queue = queueOn(runtime, {});
    const connectTimeoutMs = 500;
    try {
      const startedMs = performance.now();
      const url = `http://files.example:${port}/file.bin`;
      await queue.add(reach.spec(url, { connectTimeoutMs })).wait();
      const elapsedMs = performance.now() - startedMs;
      assert.ok(elapsedMs >= connectTimeoutMs - 10 && elapsedMs < connectTimeoutMs + 1000, `${elapsedMs} ms`);
      assert.deepEqual([clients, server.requests.length], [1, 1]);
    } finally {
      await queue.close();
    }
  },
);

const REFUSED = 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n';
const PROXIES: Readonly<
  Record<string, readonly [talk: Talk | undefined, reason: RegExp, retryable: boolean]>
> = {
  "says 407": [(socket) => void socket.on("data", () => socket.write(REFUSED)), /\(407\)$/, false],
  "cuts CONNECT": [
    (socket) => void socket.once("data", () => socket.resetAndDestroy()),
    /: (?:no answer came through it|it broke off the connection|it closed the connection without an answer|it gave no answer that makes sense)$/,
    true,
  ],
  "is down": [undefined, /the connection was refused$/, true],
};

for (const [name, [talk, reason, retryable]] of Object.entries(PROXIES)) {
  const skip = talk === undefined && WITH_REFUSALS.skip;
  test(`33 a proxy that ${name}: an error that names it, and no password`, { skip }, async () => {
    await using reach = await Reach.open();
    reach.secrets.push("hush", "hidden");
    await using proxy = await Talker.start(talk ?? (() => {}));
    const host = talk === undefined ? `127.0.0.1:${await freePort()}` : proxy.host;
    for (const scheme of ["http", "https"]) {
      const error = await reach.fail("proxy", `${scheme}://files.example/file.bin?token=hidden`, {
        allProxy: `http://joe:hush@${host}`,
      });
      assert.ok(error.message.startsWith(`Cannot use the proxy http://${host}: `), error.message);
      assert.match(error.message, reason);
      assert.equal(error.retryable, retryable);
    }
  });
}

/** Lets so many connections through to a server at one time, and does with others what it is told. */
class Gate implements AsyncDisposable {
  refusals = 0;
  readonly url: string;
  readonly #listener: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  #open = 0;

  private constructor(listener: ReturnType<typeof createServer>, url: string, limit: number, refuse: Talk) {
    this.#listener = listener;
    const target = new URL(url);
    this.url = url.replace(target.port, String((listener.address() as AddressInfo).port));
    listener.on("connection", (socket: Socket) => {
      this.#keep(socket);
      if (this.#open === limit) {
        this.refusals++;
        return refuse(socket);
      }
      this.#open++;
      socket.on("close", () => this.#open--);
      const server = connect(Number(target.port), target.hostname);
      this.#keep(server);
      socket.on("close", () => server.destroy());
      server.on("close", () => socket.destroy());
      socket.pipe(server);
      server.pipe(socket);
    });
  }

  static start(url: string, limit: number, refuse: Talk): Promise<Gate> {
    const listener = createServer();
    return new Promise((resolve) => {
      listener.listen(0, "127.0.0.1", () => resolve(new Gate(listener, url, limit, refuse)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await freed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {}); // "close" follows
  }
}

const REFUSALS: Readonly<Record<string, Talk>> = {
  "resets the others": (socket) => void socket.resetAndDestroy(),
  "closes the others": (socket) => void socket.end(),
  "lets the others wait": () => {},
};

test("36 where the number is to be found: a connection that is refused twice is given up", {
  timeout: 30_000,
}, async () => {
  for (const refuse of Object.values(REFUSALS)) {
    const size = 6 * 2 ** 20;
    await using scene = await Scene.open({ size, seed: 36, respond: () => ({ throttle: 2 ** 21 }) });
    await using gate = await Gate.start(scene.server.url, 3, refuse);
    await scene.complete({
      url: gate.url,
      maxConnections: "auto",
      connectTimeoutMs: 200,
      retryBaseDelayMs: 100,
    });
    assert.equal(scene.server.maxOpenConnections, 3);
    // One of them may have come before anybody was served.
    assert.ok(gate.refusals === 2 || gate.refusals === 3, `${gate.refusals} refusals`);
  }
});

for (const limit of [1, 3]) {
  for (const [name, refuse] of Object.entries(REFUSALS)) {
    test(
      `36 a server that bears ${limit} connections and ${name}: settles there`,
      { timeout: 30_000 },
      async () => {
        const size = 6 * 2 ** 20;
        await using scene = await Scene.open({ size, seed: 36, respond: () => ({ throttle: 4 * 2 ** 20 }) });
        await using gate = await Gate.start(scene.server.url, limit, refuse);
        const startedMs = performance.now();
        const result = await scene.complete({
          url: gate.url,
          maxConnections: 8,
          pieceSize: 65_536,
          connectTimeoutMs: 500,
          retryBaseDelayMs: 1000,
        });
        const elapsedMs = performance.now() - startedMs;
        assert.equal(result.fetchedBytes, size);
        assert.equal(scene.server.maxOpenConnections, limit);
        assert.ok(gate.refusals > 0);
        // As long as these connections need, and no backoff behind that.
        const neededMs = size / (4 * 2 ** 20) / limit * 1000;
        assert.ok(elapsedMs < neededMs + 2000, `${elapsedMs} ms, ${gate.refusals} refusals`);
      },
    );
  }
}
