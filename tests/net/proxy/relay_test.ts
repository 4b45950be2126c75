import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Dialer } from "../../../src/net/connect/dialer.ts";
import { Relay, type RelayAddress } from "../../../src/net/proxy/relay.ts";
import { directRoute, type Route } from "../../../src/net/connect/routes.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { Connection } from "../../../src/runtime/runtime.ts";
import { sockets } from "../../../src/runtime/sockets.ts";
import { makeCertificate, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { Child } from "../../helpers/child.ts";
import { contentBytes } from "../../../testing/content.ts";
import { FaultServer, type FaultServerOptions } from "../../../testing/mod.ts";
import { RawClient } from "../../helpers/sockets/raw_client.ts";
import { queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { until } from "../../helpers/until.ts";
import { WITH_REFUSALS, WITH_RESETS } from "../../helpers/wine.ts";

const FILE = { seed: 70, size: 1000 } as const;

/** Every name is this machine. */
const resolver = { resolve: () => Promise.resolve(["127.0.0.1"]) };
const dialer = new Dialer({ network: sockets, clock: systemClock, resolver, localAddress: undefined });

type World = {
  readonly relay: Relay;
  readonly address: RelayAddress;
  readonly client: () => Promise<RawClient>;
  /** The line that lets a client in. */
  readonly pass: string;
};

async function withRelay(route: Route, run: (world: World) => Promise<void>): Promise<void> {
  const relay = new Relay(sockets, route, 80);
  const address = await relay.start();
  const { port, username, password } = address;
  const pass = `Proxy-Authorization: Basic ${btoa(`${username}:${password}`)}`;
  const client = () => RawClient.connect(`http://127.0.0.1:${port}`);
  try {
    await run({ relay, address, client, pass });
  } finally {
    relay.close();
  }
}

/** A relay in front of a server. */
async function withServer(
  options: Partial<FaultServerOptions>,
  run: (world: World & { readonly server: FaultServer; readonly host: string }) => Promise<void>,
): Promise<void> {
  await using server = await FaultServer.start({ ...FILE, ...options });
  await withRelay(directRoute(dialer), (world) => run({ ...world, server, host: new URL(server.url).host }));
}

function get(host: string, lines: readonly string[], path = "/file.bin"): string {
  return [`GET http://239.1.0.0${path} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
}

for (
  const [name, lines] of Object.entries({
    "no credential": [],
    "a wrong credential": [`Proxy-Authorization: Basic ${btoa("bytehaul:guess")}`],
    "half a credential": [`Proxy-Authorization: Basic ${btoa("bytehaul:")}`],
  })
) {
  test(`a relay refuses ${name}, and reaches nobody`, () =>
    withServer({}, async ({ server, host, client }) => {
      using raw = await client();
      raw.send(get(host, lines));
      assert.ok((await raw.head()).startsWith("HTTP/1.1 407 "));
      await raw.ending;
      assert.equal(server.connections, 0);
    }));
}

test("two relays have different credentials", async () => {
  await withRelay(
    directRoute(dialer),
    ({ address: first }) =>
      withRelay(directRoute(dialer), ({ address: second }) => {
        assert.ok(first.password.length >= 32 && first.password !== second.password);
        return Promise.resolve();
      }),
  );
});

test("a relay passes a request on without what was said to itself", () =>
  withServer({}, async ({ server, host, client, pass }) => {
    using raw = await client();
    raw.send(get(host, ["X-Own: yes", pass, "Proxy-Connection: keep-alive"], "/a%20b?c=d"));
    assert.ok((await raw.head()).startsWith("HTTP/1.1 200 "));
    assert.deepEqual(new Uint8Array(await raw.bytes(FILE.size)), contentBytes(FILE.seed, 0, FILE.size));
    const [request] = server.requests;
    assert.equal(request!.path, "/a%20b?c=d");
    assert.deepEqual(request!.rawHeaders, [["Host", host], ["X-Own", "yes"]]);
  }));

test("a relay keeps one connection for requests to one origin, and changes it for another", () =>
  withServer({}, async ({ server: first, host, client, pass }) => {
    await using second = await FaultServer.start({ ...FILE, seed: 71 });
    const other = new URL(second.url).host;
    using raw = await client();
    const fetchFrom = async (from: string, seed: number): Promise<void> => {
      raw.send(get(from, [pass]));
      assert.ok((await raw.head()).startsWith("HTTP/1.1 200 "));
      assert.deepEqual(new Uint8Array(await raw.bytes(FILE.size)), contentBytes(seed, 0, FILE.size));
    };
    for (let count = 0; count < 3; count++) await fetchFrom(host, FILE.seed);
    assert.deepEqual([first.connections, second.connections], [1, 0]);
    await fetchFrom(other, 71);
    await until(() => first.openConnections === 0);
    await fetchFrom(host, FILE.seed);
    assert.deepEqual([first.connections, second.connections], [2, 1]);
  }));

test("a relay takes two requests that come at once", () =>
  withServer({}, async ({ server, host, client, pass }) => {
    using raw = await client();
    raw.send(get(host, [pass], "/1") + get(host, [pass], "/2"));
    for (let count = 0; count < 2; count++) {
      assert.ok((await raw.head()).startsWith("HTTP/1.1 200 "));
      assert.equal((await raw.bytes(FILE.size)).length, FILE.size);
    }
    assert.deepEqual(server.requests.map(({ path }) => path), ["/1", "/2"]);
  }));

test("a relay takes a request that comes byte by byte", () =>
  withServer({}, async ({ server, host, client, pass }) => {
    using raw = await client();
    for (const character of get(host, [pass])) {
      raw.send(character);
      await systemClock.sleep(0);
    }
    assert.ok((await raw.head()).startsWith("HTTP/1.1 200 "));
    assert.equal(server.requests.length, 1);
  }));

for (
  const [name, text] of [
    ["a head without an end", `GET http://x/ HTTP/1.1\r\nX: ${"x".repeat(300_000)}`],
    ["rubbish", "rubbish\r\n\r\n"],
    ["a request without a host", "GET /file.bin HTTP/1.1\r\n\r\n"],
  ] as const
) {
  test(`a relay closes the connection on ${name}`, () =>
    withServer({}, async ({ server, client }) => {
      using raw = await client();
      raw.send(text);
      await raw.ending;
      assert.equal(server.connections, 0);
    }));
}

for (
  const [name, sent] of [
    ["in a body", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"],
    ["in place of an answer", ""],
  ] as const
) {
  test(`a reset of the server ${name} is one for the client`, WITH_RESETS, async () => {
    const received = Promise.withResolvers<void>();
    await using server = await Talker.start((socket) =>
      void socket.once("data", () => {
        socket.write(sent);
        void received.promise.then(() => socket.resetAndDestroy());
      })
    );
    await withRelay(directRoute(dialer), async ({ client, pass }) => {
      using raw = await client();
      raw.send(get(server.host, [pass]));
      // A reset discards what has not arrived yet.
      if (sent !== "") assert.equal(`${await raw.head()}${await raw.bytes(4)}`.slice(-4), "half");
      received.resolve();
      assert.equal(await raw.ending, "reset");
    });
  });
}

test("the end of a body without a length is an end for the client", () =>
  withServer({ respond: () => ({ closeDelimited: true }) }, async ({ host, client, pass }) => {
    using raw = await client();
    raw.send(get(host, [pass]));
    await raw.head();
    assert.equal((await raw.rest()).length, FILE.size);
    assert.equal(await raw.ending, "fin");
  }));

test("no connection: the client sees none, and the relay goes on", async () => {
  let opened = 0;
  const route: Route = {
    open(signal, host, port) {
      opened++;
      return host === "bad" ? Promise.reject(new Error("no")) : dialer.connect(host, port, signal);
    },
  };
  await using server = await FaultServer.start(FILE);
  await withRelay(route, async ({ client, pass }) => {
    for (const request of [get("bad:1", [pass]), get("bad:1", [pass])]) {
      using raw = await client();
      raw.send(request);
      await raw.ending;
      assert.equal((await raw.rest()).length, 0);
    }
    using raw = await client();
    raw.send(get(new URL(server.url).host, [pass]));
    assert.ok((await raw.head()).startsWith("HTTP/1.1 200 "));
    assert.equal(opened, 3);
  });
});

test("a client that gives up ends an attempt to connect", async () => {
  let isOpening = false;
  let isAborted = false;
  const route: Route = {
    open: (signal) =>
      new Promise<Connection>((_, reject) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
          reject(signal.reason);
        });
        isOpening = true;
      }),
  };
  await withRelay(route, async ({ client, pass }) => {
    const raw = await client();
    raw.send(get("files.example", [pass]));
    await until(() => isOpening);
    raw[Symbol.dispose]();
    await until(() => isAborted);
  });
});

test("a client that goes away takes its connection to the server along", () =>
  withServer({ respond: () => ({ silentAfter: 10 }) }, async ({ server, host, client, pass }) => {
    const raw = await client();
    raw.send(get(host, [pass]));
    await raw.head();
    assert.equal(server.openConnections, 1);
    raw[Symbol.dispose]();
    await until(() => server.openConnections === 0);
  }));

test(
  "close() closes everything, and nobody is let in any more",
  WITH_REFUSALS,
  () =>
    withServer({ respond: () => ({ silentAfter: 10 }) }, async ({ relay, server, host, client, pass }) => {
      using idle = await client();
      using active = await client();
      active.send(get(host, [pass]));
      await active.head();
      relay.close();
      await Promise.all([idle.ending, active.ending]);
      await until(() => server.openConnections === 0);
      const late = await client().then((raw) => raw, () => undefined);
      await late?.ending;
    }),
);

test("a slow client holds the server back", () =>
  withServer({ size: 64 * 2 ** 20 }, async ({ server, host, client, pass }) => {
    using raw = await client();
    raw.send(get(host, [pass]));
    await raw.head();
    raw.pause(true);
    let before = -1;
    // As much as the system buffers for sockets, and then no more: nothing says when that is reached but real time.
    while (server.bytesServed !== before) {
      before = server.bytesServed;
      await systemClock.sleep(100);
    }
    assert.ok(before < 48 * 2 ** 20, `${before} bytes were taken`);
  }));

test("200 downloads through the relay leave nothing open", { timeout: 60_000 }, async () => {
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
      assert.ok(tookMs < 5000, `${tookMs} ms`);
    },
  );
}

test("the runtime is told no name that it could look up, and no system resolver is asked", async () => {
  await using server = await FaultServer.start(FILE);
  const seen: string[] = [];
  const lookups: string[] = [];
  const runtime = runtimeWith({
    client: (client) => ({
      get(url, options) {
        seen.push(new URL(url).hostname);
        return client.get(url, options);
      },
      close: () => client.close(),
    }),
    network: {
      lookup(host) {
        lookups.push(host);
        return Promise.resolve([]);
      },
    },
  });
  await using dir = await temporaryDirectory();
  const { port } = new URL(server.url);
  const queue = queueOn(runtime, { resolve: { [`secret.example:${port}`]: "127.0.0.1" } });
  try {
    const url = `http://secret.example:${port}/file.bin`;
    await queue.add({ url, outputPath: dir.join("file.bin") }).wait();
  } finally {
    await queue.close();
  }
  assert.deepEqual([[...new Set(seen)], lookups], [["239.1.0.0"], []]);
  assert.equal(server.requests[0]!.headers["host"], `secret.example:${port}`);
});
