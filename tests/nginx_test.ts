import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { runBytehaul } from "./helpers/child.ts";
import { assertFileIs, writeContentFile } from "../testing/content.ts";
import { findNginx, type NginxOptions, startNginx } from "./helpers/servers/nginx.ts";
import { temporaryDirectory } from "./helpers/temp.ts";

const SEED = 300;
const SIZE = 300 * 1024 * 1024;
const CONNECTIONS = 8;
/** For each response, so that no connection is done before the others have begun. */
const LIMIT_RATE = "60m";

const skip = await findNginx() === undefined ? "nginx is not installed" : false;
if (skip) process.stdout.write(`SKIPPED: 300 MiB from nginx, as ${skip}\n`);

const CASES: Readonly<Record<string, Pick<NginxOptions, "tls" | "http2">>> = {
  "plain": {},
  "over TLS": { tls: true },
  "over TLS, where HTTP/2 is offered": { tls: true, http2: true },
};

for (const [name, options] of Object.entries(CASES)) {
  test(
    `300 MiB from nginx, ${name}: ${CONNECTIONS} TCP connections, bytes equal`,
    { skip, timeout: 60_000 },
    async () => {
      await using dir = await temporaryDirectory();
      await mkdir(dir.join("www"));
      await writeContentFile(dir.join("www", "file.bin"), SEED, SIZE);
      const server = await startNginx({
        ...options,
        root: dir.join("www"),
        dir: dir.path,
        limitRate: LIMIT_RATE,
      });
      assert.ok(server !== undefined);
      await using _ = server;
      const { origin, tlsOrigin = origin, caCert = "" } = server;
      const outputPath = dir.join("out.bin");
      const { status, stderr } = await runBytehaul(
        ["-q", `${tlsOrigin}/file.bin`, "-o", outputPath, "-x", String(CONNECTIONS)],
        // Deno has one name for it, and Bun the other.
        { env: caCert === "" ? {} : { NODE_EXTRA_CA_CERTS: caCert, DENO_CERT: caCert } },
      );
      assert.deepEqual([status, stderr], [0, ""]);
      await assertFileIs(outputPath, SEED, SIZE);

      await server.stop();
      const requests = await server.requests();
      const connections = new Set(requests.map(({ connection }) => connection));
      assert.ok(connections.size >= CONNECTIONS, `${connections.size} connections`);
      assert.deepEqual(new Set(requests.map(({ protocol }) => protocol)), new Set(["HTTP/1.1"]));
      assert.equal(requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0), SIZE);
      assert.deepEqual(new Set(requests.map((request) => request.status)), new Set([206]));
    },
  );
}
