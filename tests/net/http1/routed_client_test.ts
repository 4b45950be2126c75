import assert from "node:assert/strict";
import { test } from "node:test";
import { Dialer } from "../../../src/net/connect/dialer.ts";
import { directRoute, type Route } from "../../../src/net/connect/routes.ts";
import { RoutedClient } from "../../../src/net/http1/routed_client.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import type { Connection, HttpResponse } from "../../../src/runtime/runtime.ts";
import { contentBytes } from "../../../testing/content.ts";
import { FaultServer, type FaultServerOptions } from "../../../testing/mod.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { until } from "../../helpers/until.ts";
import { WITH_RESETS } from "../../helpers/wine.ts";

const { network, clock } = detectRuntime();
const FILE = { seed: 70, size: 1000 } as const;
const REASON = new Error("enough");
/** Every name is this machine. */
const resolver = { resolve: () => Promise.resolve(["127.0.0.1"]) };
const DIRECT = directRoute(new Dialer({ network, clock, resolver, localAddress: undefined }));
const LIMITS = { maxIdlePerHost: 4, idleTimeoutMs: 60_000 };

type World = {
  readonly client: RoutedClient;
  readonly server: FaultServer;
  readonly get: (path?: string, signal?: AbortSignal) => Promise<HttpResponse>;
};

/** A client and a server. */
async function withServer(
  options: Partial<FaultServerOptions>,
  run: (world: World) => Promise<void>,
  limits = LIMITS,
): Promise<void> {
  await using server = await FaultServer.start({ ...FILE, ...options });
  const client = new RoutedClient(DIRECT, clock, limits);
  const get = (path = "/file.bin", signal = new AbortController().signal) =>
    client.get(new URL(server.url).origin + path, { headers: new Headers({ "x-own": "yes" }), signal });
  try {
    await run({ client, server, get });
  } finally {
    client.closeForGood();
  }
}

async function read({ body }: HttpResponse): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body).arrayBuffer());
}

test("a request has its target and its fields as given, and says whether the connection stays", async () => {
  await withServer({}, async ({ server, get }) => {
    assert.deepEqual(await read(await get("//a%20b?c=d//#hash")), contentBytes(FILE.seed, 0, FILE.size));
    const [request] = server.requests;
    assert.equal(request!.path, "//a%20b?c=d//");
    assert.deepEqual(request!.rawHeaders, [
      ["Host", new URL(server.url).host],
      ["Accept", "*/*"],
      ["Connection", "keep-alive"],
      ["X-Own", "yes"],
    ]);
  });
  await withServer({}, async ({ server, get }) => {
    await read(await get());
    await until(() => server.openConnections === 0);
    assert.equal(server.requests[0]!.headers["connection"], "close");
  }, { ...LIMITS, maxIdlePerHost: 0 });
});

test("requests one after the other share a connection, also when nobody wants a short body", () =>
  withServer(
    { respond: ({ path }) => path === "/moved" ? { status: 302, body: "moved" } : undefined },
    async ({ server, get }) => {
      for (const path of ["/1", "/moved", "/2", "/moved", "/3"]) {
        const response = await get(path);
        if (response.status === 302) await response.body?.cancel();
        else await read(response);
      }
      assert.equal(server.connections, 1);
    },
  ));

test("a body that was read without its stream leaves its connection to others, also when it is cancelled then", () =>
  withServer({}, async ({ server, get }) => {
    for (let count = 0; count < 2; count++) {
      const { body, readInto } = await get();
      const into = new Uint8Array(2 * FILE.size);
      let received = 0;
      for (let length = -1; length !== 0; received += length) {
        length = await readInto!(into.subarray(received));
      }
      assert.deepEqual(into.subarray(0, received), contentBytes(FILE.seed, 0, FILE.size));
      await body!.cancel();
    }
    assert.equal(server.connections, 1);
  }));

test("8 bytes after a body that come late are not part of the next response, which comes over a new connection", async () => {
  await using talker = await Talker.start((socket) => {
    const body = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    socket.once("data", () => {
      socket.write(body);
      socket.once("data", () => socket.write(`surplus${body}`));
    });
  });
  const client = new RoutedClient(DIRECT, clock, LIMITS);
  for (let count = 1; count <= 2; count++) {
    const response = await client.get(`http://${talker.host}/`, {
      headers: new Headers(),
      signal: new AbortController().signal,
    });
    assert.equal(new TextDecoder().decode(await read(response)), "hello");
    assert.equal(talker.connections, count);
  }
  client.closeForGood();
});

test("a long body that nobody wants ends its connection", () =>
  withServer({ size: 2 ** 20 }, async ({ server, get }) => {
    await (await get()).body!.cancel();
    await until(() => server.openConnections === 0);
  }));

test("a body that nobody wants and that does not come ends its connection", () =>
  withServer({ respond: () => ({ silentAfter: 10 }) }, async ({ server, get }) => {
    const startedMs = performance.now();
    await (await get()).body!.cancel();
    assert.ok(performance.now() - startedMs < 2000);
    await until(() => server.openConnections === 0);
  }));

test("a body that ends with its connection is read to the end, and no connection is kept", () =>
  withServer({ respond: () => ({ closeDelimited: true }) }, async ({ server, get }) => {
    assert.equal((await read(await get())).length, FILE.size);
    await until(() => server.openConnections === 0);
  }));

test("106 a reset in a body that ends with its connection is an error", WITH_RESETS, async () => {
  const received = Promise.withResolvers<void>();
  await using talker = await Talker.start((socket) =>
    void socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
      void received.promise.then(() => socket.resetAndDestroy());
    })
  );
  const client = new RoutedClient(DIRECT, clock, LIMITS);
  const options = { headers: new Headers(), signal: new AbortController().signal };
  const { body } = await client.get(`http://${talker.host}/`, options);
  const reader = body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "half");
  received.resolve();
  await assert.rejects(reader.read());
});

test("bytes after a body end its connection", async () => {
  await using talker = await Talker.start((socket) =>
    void socket.on(
      "data",
      () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"),
    )
  );
  const client = new RoutedClient(DIRECT, clock, LIMITS);
  const options = { headers: new Headers(), signal: new AbortController().signal };
  for (const expected of [1, 2]) {
    const response = await client.get(`http://${talker.host}/`, options);
    assert.equal(new TextDecoder().decode(await read(response)), "ok");
    assert.equal(talker.connections, expected);
  }
  client.closeForGood();
});

for (const how of ["end", "resetAndDestroy"] as const) {
  test(`${how}() of a connection that was used before: the request is sent over a new one, once`, async () => {
    let requests = 0;
    await using talker = await Talker.start((socket) => {
      let isFirst = true;
      socket.on("data", () => {
        requests++;
        if (isFirst) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        else socket[how]();
        isFirst = false;
      });
    });
    const client = new RoutedClient(DIRECT, clock, LIMITS);
    const options = { headers: new Headers(), signal: new AbortController().signal };
    for (let count = 0; count < 3; count++) await read(await client.get(`http://${talker.host}/`, options));
    assert.deepEqual([talker.connections, requests], [3, 5]);
    client.closeForGood();
  });
}

test("an idle connection that the server closes is closed, and not used again", async () => {
  let requests = 0;
  await using talker = await Talker.start((socket) =>
    void socket.on("data", () => {
      requests++;
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        () => setTimeout(() => socket.end(), 20),
      );
    })
  );
  const client = new RoutedClient(DIRECT, clock, LIMITS);
  const options = { headers: new Headers(), signal: new AbortController().signal };
  for (const expected of [1, 2]) {
    await read(await client.get(`http://${talker.host}/`, options));
    await until(() => talker.open === 0);
    assert.deepEqual([talker.connections, requests], [expected, expected]);
  }
});

test("idle connections are closed after their time, at closeIdle(), and for good", async () => {
  await withServer({}, async ({ server, get }) => {
    await read(await get());
    assert.equal(server.openConnections, 1);
    await until(() => server.openConnections === 0);
  }, { ...LIMITS, idleTimeoutMs: 100 });
  await withServer({}, async ({ server, client, get }) => {
    await read(await get());
    client.close();
    await until(() => server.openConnections === 0);
    await read(await get());
    assert.deepEqual([server.connections, server.openConnections], [2, 1]);
    client.closeForGood();
    await until(() => server.openConnections === 0);
    await read(await get());
    await until(() => server.openConnections === 0);
  });
});

test("an abort ends an attempt to connect", async () => {
  const stop = new AbortController();
  const route: Route = {
    open: (signal) =>
      new Promise<Connection>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        stop.abort(REASON);
      }),
  };
  const client = new RoutedClient(route, clock, LIMITS);
  await assert.rejects(
    client.get("http://files.example/", { headers: new Headers(), signal: stop.signal }),
    REASON,
  );
});

test("an abort after the end leaves the connection to others", () =>
  withServer({}, async ({ server, get }) => {
    const stop = new AbortController();
    await read(await get("/", stop.signal));
    stop.abort(REASON);
    await read(await get());
    assert.equal(server.connections, 1);
  }));
