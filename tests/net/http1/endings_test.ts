import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import { Dialer } from "../../../src/net/connect/dialer.ts";
import { directRoute, securedRoute } from "../../../src/net/connect/routes.ts";
import { RoutedClient } from "../../../src/net/http1/routed_client.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { makeCertificate, WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { until } from "../../helpers/until.ts";
import { WITH_RESETS } from "../../helpers/wine.ts";

const { network, clock } = detectRuntime();
const LIMITS = { maxIdlePerHost: 4, idleTimeoutMs: 60_000 };
const DIRECT = directRoute(
  new Dialer({
    network,
    clock,
    resolver: { resolve: () => Promise.resolve(["127.0.0.1"]) },
    localAddress: undefined,
  }),
);
/** Less than the system buffers for a socket. */
const SENT = 40_000;
const HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

/** How a server ends a body without a length, given its socket and the one below TLS. */
const ENDINGS: Readonly<Record<string, (socket: Socket, raw: Socket) => void>> = {
  "a proper end": (socket) => void socket.end(),
  "an end without close_notify": (_, raw) => void raw.destroy(),
  "a reset": (_, raw) => void raw.resetAndDestroy(),
};

/** `node:tls` of Bun and Node does not show whether close_notify came, nor does that of Deno. */
const showsCloseNotify = "Deno" in globalThis;

/** Reads the body after `end`. Returns the number of bytes, and whether it broke. */
async function readLate(
  client: RoutedClient,
  url: string,
  end: () => Promise<void>,
): Promise<{ received: number; isBroken: boolean }> {
  const options = { headers: new Headers(), signal: new AbortController().signal };
  const { body } = await client.get(url, options);
  await end();
  let received = 0;
  try {
    for await (const chunk of body!) received += chunk.length;
    return { received, isBroken: false };
  } catch {
    return { received, isBroken: true };
  }
}

for (const [name, ending] of Object.entries(ENDINGS)) {
  const isEnd = name !== "a reset";

  test(
    `106 ${name} of a body without a length, read late: every byte before it arrives`,
    WITH_RESETS,
    async () => {
      let socket: Socket | undefined;
      await using talker = await Talker.start((it) => {
        socket = it;
        it.once("data", () => it.write(HEAD + "x".repeat(SENT)));
      });
      const client = new RoutedClient(DIRECT, clock, LIMITS);
      const url = `http://${talker.host}/`;
      const found = await readLate(client, url, async () => {
        ending(socket!, socket!);
        if (name !== "a proper end") await until(() => talker.open === 0);
      });
      assert.deepEqual(found, { received: SENT, isBroken: !isEnd });
    },
  );

  test(`106 ${name} of TLS, in a body without a length`, { ...WITH_OPENSSL, timeout: 30_000 }, async () => {
    await using dir = await temporaryDirectory();
    const certificate = await makeCertificate(dir.path);
    const [cert, key, ca] = await Promise.all(
      [certificate.cert, certificate.key, certificate.caCert].map((path) => readFile(path, "utf8")),
    );
    let end = () => {};
    await using talker = await Talker.start((raw) => {
      const socket = new TLSSocket(raw, { isServer: true, cert: cert!, key: key! });
      socket.on("error", () => {}); // the client reports what it sees
      socket.once("data", () => socket.write(HEAD + "x".repeat(SENT)));
      end = () => ending(socket, raw);
    });
    const tls = { ca: [ca!], identity: undefined, insecure: false };
    const client = new RoutedClient(securedRoute(DIRECT, network, tls), clock, LIMITS);
    const url = `https://${talker.host}/`;
    const found = await readLate(client, url, async () => {
      end();
      if (name !== "a proper end") await until(() => talker.open === 0);
    });
    const isBroken = name === "a reset" || (name !== "a proper end" && showsCloseNotify);
    assert.deepEqual(found, { received: SENT, isBroken });
  });
}
