import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { answerTo, readQuestion } from "../helpers/doubles/dns_answer.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Reach, REACH_FILE } from "../helpers/scenes/reach.ts";

const { network } = detectRuntime();

async function open(address: string): Promise<Socket> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, address, () => resolve());
  });
  return socket;
}

const hasIpv6 = await open("::1").then((socket) => (socket.close(), true), () => false);

for (
  const [what, server, spoofer, skip] of [
    ["another port", "127.0.0.1", "127.0.0.1", false],
    ["another address", "127.0.0.1", "127.0.0.2", false],
    ["another port, over IPv6", "::1", "::1", !hasIpv6 && "there is no IPv6"],
  ] as const
) {
  test(`110 a DNS answer that comes from ${what} first is ignored`, { skip, timeout: 20_000 }, async () => {
    const [asked, other] = [await open(server), await open(spoofer)];
    try {
      asked.once("message", (question, { port, address }) => {
        // The right one follows once the wrong one is out.
        other.send(Buffer.concat([question, Buffer.from("spoofed")]), port, address, () => {
          asked.send(Buffer.concat([question, Buffer.from("right")]), port, address);
        });
      });
      const to = { address: server, port: asked.address().port };
      const seen: string[] = [];
      const accepts = (answer: Uint8Array) => seen.push(new TextDecoder().decode(answer.subarray(1))) > 0;
      const answer = await network.exchange(to, Uint8Array.of(7), accepts, AbortSignal.timeout(10_000));
      assert.deepEqual([new TextDecoder().decode(answer.subarray(1)), seen], ["right", ["right"]]);
    } finally {
      asked.close();
      other.close();
    }
  });
}

test("110 with answers from elsewhere alone, there is none", async () => {
  const [asked, other] = [await open("127.0.0.1"), await open("127.0.0.1")];
  const echo = await open("127.0.0.1");
  echo.on("message", (message, { port, address }) => echo.send(message, port, address));
  try {
    const sent = Promise.withResolvers<void>();
    asked.on("message", (question, { port, address }) => {
      other.send(question, port, address, () => sent.resolve());
    });
    const stop = new AbortController();
    const to = { address: "127.0.0.1", port: asked.address().port };
    const answer = network.exchange(to, Uint8Array.of(7), () => true, stop.signal);
    await sent.promise;
    // Had it been taken, that would be so by the time at which a second exchange is over.
    await network.exchange(
      { address: "127.0.0.1", port: echo.address().port },
      Uint8Array.of(8),
      () => true,
      stop.signal,
    );
    stop.abort(new Error("no answer"));
    await assert.rejects(answer, /no answer/);
  } finally {
    echo.close();
    asked.close();
    other.close();
  }
});

test(
  "110 a download goes where the DNS server said, whoever answers before it",
  { timeout: 20_000 },
  async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start(REACH_FILE);
    const { port } = new URL(server.url);
    const [asked, other] = [await open("127.0.0.1"), await open("127.0.0.1")];
    try {
      asked.on("message", (message, client) => {
        const { name: owner, type } = readQuestion(message);
        // All of it is right but whom it comes from.
        const reply = (last: number) =>
          answerTo(message, { records: [{ owner, type, data: [127, 0, 0, last] }] });
        other.send(reply(9), client.port, client.address, () => {
          asked.send(reply(1), client.port, client.address);
        });
      });
      const dnsServers = [`127.0.0.1:${asked.address().port}`];
      await reach.complete(`http://files.example:${port}/file.bin`, { dnsServers, enableIpv6: false });
      assert.equal(server.requests.length, 1);
    } finally {
      asked.close();
      other.close();
    }
  },
);
