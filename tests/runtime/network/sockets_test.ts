import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import type { Connection } from "../../../src/runtime/runtime.ts";

const { network } = detectRuntime();
const NO_WAIT = { timeout: 10_000 };

/** Connects to a server that does `welcome` with the other end. */
async function withConnection(
  welcome: (socket: Socket) => void,
  use: (connection: Connection) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => welcome(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const endpoint = { address: "127.0.0.1", port };
  const connection = await network.connect(endpoint, {
    localAddress: undefined,
    signal: new AbortController().signal,
  });
  try {
    await use(connection);
  } finally {
    connection.close();
    server.close();
  }
}

const secure = (connection: Connection): Promise<Connection> =>
  network.secure(() => Promise.resolve(connection), { host: "localhost", port: 443 }, {
    ca: [],
    identity: undefined,
    isVerified: true,
  });

test("a connection that is over cannot be secured, and nobody waits for it", NO_WAIT, async () => {
  await withConnection((socket) => socket.end(), async (connection) => {
    assert.equal(await connection.read(new Uint8Array(1)), 0);
    await assert.rejects(secure(connection));
  });
});

for (const how of ["end", "destroy", "resetAndDestroy"] as const) {
  test(`${how}() in answer to the first byte of TLS: nobody waits for the rest`, NO_WAIT, async () => {
    await withConnection((socket) => socket.once("data", () => socket[how]()), async (connection) => {
      await assert.rejects(secure(connection));
    });
  });
}
