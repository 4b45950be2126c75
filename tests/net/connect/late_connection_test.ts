import assert from "node:assert/strict";
import { test } from "node:test";
import { securedRoute } from "../../../src/net/connect/routes.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import type { Connection } from "../../../src/runtime/runtime.ts";
import { connectionOf } from "../../helpers/doubles/fake_connection.ts";

test("80 a connection that opens just after the abort of its request is closed before TLS starts", async () => {
  const dialed = Promise.withResolvers<Connection>();
  const closed = Promise.withResolvers<string>();
  const network = {
    ...detectRuntime().network,
    secure: async (open: () => Promise<Connection>) => {
      const connection = await open();
      closed.resolve("TLS has started");
      return connection;
    },
  };
  const tls = { ca: [], identity: undefined, insecure: false };
  const route = securedRoute({ open: () => dialed.promise }, network, tls);
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = route.open(controller.signal, "localhost", 443);
  controller.abort(reason);
  await assert.rejects(opening, reason);
  dialed.resolve({ ...connectionOf("", 1), close: () => closed.resolve("closed") });
  assert.equal(await closed.promise, "closed");
});
