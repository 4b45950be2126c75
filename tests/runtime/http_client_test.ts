import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { HttpClient } from "../../src/runtime/runtime.ts";
import { contentBytes } from "../../testing/content.ts";
import { plainClient } from "../helpers/client_options.ts";
import { FaultServer, type FaultServerOptions } from "../../testing/mod.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

const SIZE = 100_000;
const REASON = new Error("enough");

/** A server and a client of its own. */
class Scene implements AsyncDisposable {
  readonly client: HttpClient = plainClient();
  readonly server: FaultServer;

  private constructor(server: FaultServer) {
    this.server = server;
  }

  static async start(options: Partial<FaultServerOptions> = {}): Promise<Scene> {
    return new Scene(await FaultServer.start({ size: SIZE, seed: 1, ...options }));
  }

  async get(headers: Record<string, string> = {}, signal = new AbortController().signal): Promise<Response> {
    const response = await this.client.get(this.server.url, {
      headers: new Headers({ "accept-encoding": "identity", ...headers }),
      signal,
    });
    return new Response(response.body, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    this.client.close();
  }
}

test("get() sends a GET with the fields it is given", async () => {
  await using scene = await Scene.start();
  const response = await scene.get({ "range": "bytes=5-9", "user-agent": "me", "x-key": "a b" });
  assert.deepEqual([response.status, response.headers.get("content-range")], [206, `bytes 5-9/${SIZE}`]);
  assert.deepEqual(await response.bytes(), contentBytes(1, 5, 10));
  const { method, path, headers } = scene.server.requests[0]!;
  assert.deepEqual([method, path], ["GET", "/file.bin"]);
  for (
    const [field, value] of [["range", "bytes=5-9"], ["user-agent", "me"], ["x-key", "a b"], [
      "accept-encoding",
      "identity",
    ]]
  ) {
    assert.equal(headers[field!], value);
  }
});

test("get() shows every status, and throws for none", async () => {
  await using scene = await Scene.start({
    respond: ({ headers }) => ({ status: Number(headers["x-status"]) }),
  });
  for (const status of [200, 204, 304, 404, 416, 500, 503, 599]) {
    const response = await scene.get({ "x-status": `${status}` });
    assert.equal(response.status, status);
    await response.body?.cancel();
  }
});

test("get() never follows a redirect, and shows its Location", async () => {
  await using scene = await Scene.start({
    respond: ({ headers }) => ({ status: Number(headers["x-status"]), headers: { Location: "/elsewhere" } }),
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const response = await scene.get({ "x-status": `${status}` });
    assert.deepEqual([response.status, response.headers.get("location")], [status, "/elsewhere"]);
    await response.body?.cancel();
  }
  assert.equal(scene.server.requests.length, 5);
});

test("10: get() never decodes a body", async () => {
  const body = gzipSync(contentBytes(1, 0, 5000));
  await using scene = await Scene.start({
    respond: () => ({ body, headers: { "Content-Encoding": "gzip" } }),
  });
  const requests: Record<string, string>[] = [{}, { range: "bytes=0-4999" }];
  for (const fields of requests) {
    const response = await scene.get(fields);
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.deepEqual(await response.bytes(), new Uint8Array(body));
  }
});

test("23: get() passes over 1xx responses", async () => {
  await using scene = await Scene.start({
    respond: () => ({ informational: ["HTTP/1.1 103 Early Hints\r\nLink: </x>"] }),
  });
  const response = await scene.get();
  assert.equal(response.status, 200);
  assert.deepEqual(await response.bytes(), contentBytes(1, 0, SIZE));
});

test("a connection that was read to the end serves the next request", async () => {
  await using scene = await Scene.start();
  for (let round = 0; round < 10; round++) {
    const response = await scene.get();
    assert.equal((await response.bytes()).length, SIZE);
  }
  assert.equal(scene.server.connections, 1);
});

test("requests at the same time have a connection each", async () => {
  await using scene = await Scene.start({ respond: () => ({ delayMs: 30 }) });
  const responses = await Promise.all(Array.from({ length: 6 }, () => scene.get()));
  await Promise.all(responses.map((response) => response.bytes()));
  assert.equal(scene.server.maxOpenConnections, 6);
});

test("80: an abort ends the wait for a head with the signal's reason, and the connection", async () => {
  await using scene = await Scene.start({ respond: () => ({ never: true }) });
  const stop = new AbortController();
  const response = scene.get({}, stop.signal);
  await scene.server.until(() => scene.server.requests.length === 1);
  stop.abort(REASON);
  await assert.rejects(response, REASON);
  await scene.server.until(() => scene.server.openConnections === 0);
});

test("80: an abort ends a silent body with the signal's reason, and the connection", async () => {
  await using scene = await Scene.start({ respond: () => ({ silentAfter: 10 }) });
  const stop = new AbortController();
  const response = await scene.get({}, stop.signal);
  const reader = response.body!.getReader();
  await reader.read();
  const reading = reader.read();
  stop.abort(REASON);
  await assert.rejects(reading, REASON);
  await scene.server.until(() => scene.server.openConnections === 0);
});

test("80: a signal that is aborted already sends nothing", async () => {
  await using scene = await Scene.start();
  await assert.rejects(scene.get({}, AbortSignal.abort(REASON)), REASON);
  assert.equal(scene.server.requests.length, 0);
});

test("a connection that cannot be had is a rejection", WITH_REFUSALS, async () => {
  await using scene = await Scene.start();
  await scene.server.stop();
  await assert.rejects(scene.get());
});
