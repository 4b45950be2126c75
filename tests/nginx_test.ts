import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { runBytehaul } from "./helpers/child.ts";
import { assertFileIs, writeContentFile } from "./helpers/content.ts";
import { findNginx, type NginxServer, startNginx } from "./helpers/nginx.ts";
import { temporaryDirectory } from "./helpers/temp.ts";

const SEED = 19;
const SIZE = 300 * 2 ** 20;
const CONNECTIONS = 8;
const isMissing = await findNginx() === undefined;
// A runner may not show why a test was skipped.
// deno-lint-ignore no-console
if (isMissing) console.log("SKIPPED: 300 MiB from nginx, as nginx is not installed");
const OPTIONS = { skip: isMissing && "nginx is not installed", timeout: 60_000 };

/** How a server is reached. */
interface Way {
  readonly tls: boolean;
  readonly http2: boolean;
}

function urlOf({ origin, tlsOrigin }: NginxServer, { tls }: Way): string {
  return `${tls ? tlsOrigin : origin}/file.bin`;
}

/** What makes a process trust the server's authority: Bun reads the one variable, Deno the other. */
function trusting({ caCert }: NginxServer): Record<string, string> {
  return caCert === undefined ? {} : { NODE_EXTRA_CA_CERTS: caCert, DENO_CERT: caCert };
}

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ["plain", { tls: false, http2: false }],
  ["over TLS", { tls: true, http2: false }],
  ["over TLS from a server that offers HTTP/2", { tls: true, http2: true }],
];

for (const [name, way] of WAYS) {
  test(`300 MiB from nginx over ${CONNECTIONS} connections, ${name}`, OPTIONS, async () => {
    await using directory = await temporaryDirectory();
    const root = directory.join("www");
    await mkdir(root);
    await writeContentFile(directory.join("www", "file.bin"), SEED, SIZE);
    const server = await startNginx({ root, dir: directory.path, ...way });
    ok(server !== undefined);
    await using _ = server;

    const path = directory.join("out.bin");
    const args = ["-x", `${CONNECTIONS}`, "-o", path, urlOf(server, way)];
    const { status, stderr } = await runBytehaul(args, { env: trusting(server) });
    strictEqual(status, 0, stderr);
    await assertFileIs(path, SEED, SIZE);

    await server.stop();
    const requests = await server.requests();
    const connections = new Set(requests.map(({ connection }) => connection)).size;
    ok(connections >= CONNECTIONS, `only ${connections} connections, for ${requests.length} requests`);
    const protocols = new Set(requests.map(({ protocol }) => protocol));
    deepStrictEqual([...protocols], ["HTTP/1.1"]);
    strictEqual(requests.reduce((bytes, { bodyBytes }) => bytes + bodyBytes, 0), SIZE);
  });
}

test("a server whose authority is not trusted is refused", OPTIONS, async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.join("www"));
  await writeContentFile(directory.join("www", "file.bin"), SEED, 1);
  const server = await startNginx({ root: directory.join("www"), dir: directory.path, tls: true });
  ok(server !== undefined);
  await using _ = server;
  const url = `${server.tlsOrigin}/file.bin`;
  const { status } = await runBytehaul(["--retries", "0", "-o", directory.join("out.bin"), url]);
  strictEqual(status, 1);
  await server.stop();
  deepStrictEqual(await server.requests(), []);
});
