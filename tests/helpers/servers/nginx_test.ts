import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { test } from "node:test";
import { connect } from "node:tls";
import { contentHash, writeContentFile } from "../../../testing/content.ts";
import { findNginx, type NginxOptions, type NginxServer, startNginx } from "./nginx.ts";
import { temporaryDirectory } from "../temp.ts";

const SIZE = 3_000_001;
const skip = await findNginx() === undefined ? "nginx is not installed" : false;

/** Runs nginx over a directory that holds `file.bin`. */
async function withNginx(
  options: Omit<NginxOptions, "root" | "dir">,
  use: (server: NginxServer) => Promise<void>,
): Promise<void> {
  await using dir = await temporaryDirectory();
  await mkdir(dir.join("www"));
  await writeContentFile(dir.join("www", "file.bin"), 8, SIZE);
  const server = await startNginx({ ...options, root: dir.join("www"), dir: dir.path });
  assert.ok(server !== undefined);
  await using _ = server;
  await use(server);
}

test("nginx serves files and writes down what it did", { skip }, () =>
  withNginx({}, async (server) => {
    const whole = await (await fetch(`${server.origin}/file.bin`)).arrayBuffer();
    assert.equal(createHash("md5").update(new Uint8Array(whole)).digest("hex"), contentHash(8, SIZE, "md5"));
    const part = await fetch(`${server.origin}/file.bin`, { headers: { Range: "bytes=5-9" } });
    assert.equal((await part.arrayBuffer()).byteLength, 5);
    await server.stop();
    const [first, second] = await server.requests();
    assert.deepEqual([first?.status, first?.bodyBytes, first?.range], [200, SIZE, undefined]);
    assert.deepEqual([second?.status, second?.bodyBytes, second?.range], [206, 5, "bytes=5-9"]);
    assert.equal(second?.request, "GET /file.bin HTTP/1.1");
    assert.deepEqual([second?.protocol, typeof second?.connection], ["HTTP/1.1", "number"]);
    await assert.rejects(fetch(`${server.origin}/file.bin`));
  }));

test(
  "nginx offers TLS that a client trusts through the authority only",
  { skip },
  () =>
    withNginx({ tls: true }, async ({ tlsOrigin = "", caCert = "" }) => {
      const ca = await readFile(caCert, "utf8");
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get(`${tlsOrigin}/file.bin`, { ca, agent: false }, resolve).on("error", reject);
      });
      const hash = createHash("md5");
      for await (const chunk of response) hash.update(chunk);
      assert.equal(hash.digest("hex"), contentHash(8, SIZE, "md5"));
      await assert.rejects(fetch(`${tlsOrigin}/file.bin`));
    }),
);

for (const http2 of [false, true]) {
  test(
    `nginx ${http2 ? "offers" : "does not offer"} HTTP/2 where http2 is ${http2}`,
    { skip },
    () =>
      withNginx({ tls: true, http2 }, async ({ tlsOrigin = "", caCert = "" }) => {
        const { hostname, port } = new URL(tlsOrigin);
        const socket = connect({
          host: hostname,
          port: Number(port),
          ca: await readFile(caCert, "utf8"),
          ALPNProtocols: ["h2", "http/1.1"],
        });
        await once(socket, "secureConnect");
        assert.equal(socket.alpnProtocol, http2 ? "h2" : "http/1.1");
        socket.destroy();
      }),
  );
}

test("nginx keeps to a rate", { skip }, () =>
  withNginx({ limitRate: "1m" }, async (server) => {
    const abort = new AbortController();
    const startedMs = performance.now();
    const response = await fetch(`${server.origin}/file.bin`, { signal: abort.signal });
    let received = 0;
    for await (const chunk of response.body ?? []) {
      received += chunk.length;
      if (received > 1_500_000) break;
    }
    abort.abort();
    assert.ok(performance.now() - startedMs > 250, "1.5 MB came at once");
  }));
