import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

/** More than what systems hold in the buffers of some connections, and less than what memory holds. */
const MAX_SENT_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 500;
const CHUNK = `10000\r\n${"a".repeat(0x10000)}\r\n`;
const FIELD = "X-Field: a value of some length, and one after the other\r\n";
const OK = "HTTP/1.1 200 OK\r\n";
const PART = 'HTTP/1.1 206 Partial Content\r\nETag: "1"\r\nContent-Range: bytes 0-99/100\r\n';
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";

/** Answers every request with a beginning, and then with one thing again and again. */
class EndlessServer implements AsyncDisposable {
  readonly #listener = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #beginning: string;
  readonly #repeated: string;
  sentBytes = 0;

  constructor(beginning: string, repeated: string) {
    this.#beginning = beginning;
    this.#repeated = repeated;
  }

  /** Listens, and returns where. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#listener.listen(0, "127.0.0.1", () => resolve()));
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}/file.bin`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {}); // the client closes it, as it should
    socket.once("data", () => {
      socket.write(this.#beginning);
      this.#pump(socket);
    });
  }

  #pump(socket: Socket): void {
    if (socket.destroyed) return;
    this.sentBytes += this.#repeated.length;
    if (socket.write(this.#repeated)) setImmediate(() => this.#pump(socket));
    else socket.once("drain", () => this.#pump(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }
}

/** How a response begins, what then never ends, and how a download ends: with a code, or with so many bytes. */
const CASES: Readonly<Record<string, readonly [beginning: string, repeated: string, end: string | number]>> =
  {
    "many fields": [OK, FIELD.repeat(500), "bad_response"],
    "one field": [`${OK}X-Field: `, "a".repeat(65_536), "bad_response"],
    "the first line": ["HTTP/1.1 200 ", "a".repeat(65_536), "bad_response"],
    "the body of a redirect": [`HTTP/1.1 302 Found\r\nLocation: /\r\n${CHUNKED}`, CHUNK, "redirect"],
    "the body of a 404": [`HTTP/1.1 404 Not Found\r\n${CHUNKED}`, CHUNK, "http_status"],
    "the body of a 503": [`HTTP/1.1 503 Unavailable\r\n${CHUNKED}`, CHUNK, "http_status"],
    "the body of an empty file": [`HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\n${CHUNKED}`, CHUNK, 0],
    "the body of a part": [`${PART}${CHUNKED}`, CHUNK, 100],
    "the body of a part with a length": [`${PART}Content-Length: 100\r\n\r\n`, CHUNK, 100],
    "fields behind the body": [`${PART}${CHUNKED}64\r\n${"a".repeat(100)}\r\n0\r\n`, FIELD.repeat(500), 100],
  };

for (const [what, [beginning, repeated, end]] of Object.entries(CASES)) {
  test(`77: ${what} without an end`, { timeout: 30_000 }, async () => {
    await using dir = await temporaryDirectory();
    await using server = new EndlessServer(beginning, repeated);
    const url = await server.start();
    await using downloader = new Downloader();
    const spec = { ...SMALL_FILE, url, outputDir: dir.path, maxRetries: 1 };
    const limits = { connectTimeoutMs: TIMEOUT_MS, readTimeoutMs: TIMEOUT_MS };
    const result = await downloader.download({ ...spec, ...limits }).wait().catch((error) => error);
    assert.equal(typeof end === "number" ? result.size : result.code, end, String(result));
    assert.deepEqual(await dir.list(), typeof end === "number" ? ["file.bin"] : []);
    if (what !== "fields behind the body") {
      assert.ok(server.sentBytes < MAX_SENT_BYTES, `it took ${server.sentBytes} bytes`);
    }
  });
}

test("77: responses before the response, without an end", { timeout: 30_000 }, async () => {
  await using dir = await temporaryDirectory();
  await using server = new EndlessServer("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(500));
  const url = await server.start();
  await using downloader = new Downloader();
  const startedMs = performance.now();
  const spec = { url, outputDir: dir.path, maxRetries: 0, connectTimeoutMs: TIMEOUT_MS };
  await assert.rejects(downloader.download(spec).wait(), { code: "timeout" });
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 10 * TIMEOUT_MS, `${tookMs} ms`);
  assert.deepEqual(await dir.list(), []);
});
