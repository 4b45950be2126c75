import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Dialer } from "../../../src/net/connect/dialer.ts";
import { directRoute, type Route, securedRoute } from "../../../src/net/connect/routes.ts";
import { RoutedClient } from "../../../src/net/http1/routed_client.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { makeCertificate, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const { network, clock } = detectRuntime();
const FILE = { seed: 71, size: 64 * 2 ** 20 } as const;
/** More than the sockets between server and client buffer. */
const MOST = 48 * 2 ** 20;
const DIRECT = directRoute(
  new Dialer({
    network,
    clock,
    resolver: { resolve: () => Promise.resolve(["127.0.0.1"]) },
    localAddress: undefined,
  }),
);

/** Reads once, and then no more. */
async function readOnce(route: Route, url: string, server: FaultServer): Promise<void> {
  const client = new RoutedClient(route, clock, { maxIdlePerHost: 4, idleTimeoutMs: 60_000 });
  const options = { headers: new Headers(), signal: new AbortController().signal };
  const { body } = await client.get(url, options);
  const reader = body!.getReader();
  await reader.read();
  let before = -1;
  // As much as the system buffers for sockets, and then no more: only real time shows when that is reached.
  while (server.bytesServed !== before) {
    before = server.bytesServed;
    await systemClock.sleep(200);
  }
  await reader.cancel();
  assert.ok(before < MOST, `${before} bytes were taken`);
}

test("a slow reader holds the server back", async () => {
  await using server = await FaultServer.start(FILE);
  await readOnce(DIRECT, server.url, server);
});

for (const insecure of [false, true]) {
  const name = `over TLS${insecure ? " that is not verified" : ""}`;
  test(`a slow reader holds the server back, ${name}`, { ...WITH_OPENSSL, timeout: 30_000 }, async () => {
    await using dir = await temporaryDirectory();
    const certificate = await makeCertificate(dir.path);
    await using server = await FaultServer.start(FILE);
    await using front = await TlsFront.start(server.url, certificate);
    const ca = [await readFile(certificate.caCert, "utf8")];
    await readOnce(securedRoute(DIRECT, network, { ca, identity: undefined, insecure }), front.url, server);
  });
}
