import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader } from "../../../mod.ts";
import { contentBytes } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { Scene } from "../../helpers/scenes/scene.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { until } from "../../helpers/until.ts";

const LENGTH = "Content-Length: 5\r\n";

function head(fields: string, statusLine = "HTTP/1.1 200 OK"): string {
  return `${statusLine}\r\n${LENGTH}${fields}\r\n\r\n`;
}

function fields(count: number): string {
  return Array.from({ length: count }, (_, index) => `X-Field-${index}: value`).join("\r\n");
}

const HEADS: Readonly<Record<string, string>> = {
  "9000 fields": head(fields(9000)),
  "a field of 2 MiB": head(`X-Field: ${"a".repeat(2 ** 21)}`),
  "a NUL in a field": head("X-Field: a\0b"),
  "an escape character in a field": head("X-Field: a\x1b[2Jb"),
  "a control character in a field": head("X-Field: a\x01b"),
  "DEL in a field": head("X-Field: a\x7fb"),
  "a carriage return in a field": head("X-Field: a\rb"),
  "a control character in a name": head("X\x01Field: a"),
  "no colon": head("rubbish"),
  "a control character in the first line": head("X-Field: a", "HTTP/1.1 200 O\x01K"),
  "a status that is no number": head("X-Field: a", "HTTP/1.1 abc OK"),
  "an unknown version": head("X-Field: a", "HTTP/7.1 200 OK"),
};

/** What curl takes, and we do. */
const TAKEN: Readonly<Record<string, string>> = {
  "300 fields": head(fields(300)),
  "2000 fields": head(fields(2000)),
  "a field of 90 KiB": head(`X-Field: ${"a".repeat(90 * 1024)}`),
  "a folded field": head("X-Field: one\r\n two"),
  "a field folded with a tab": head("X-Field: one\r\n\ttwo"),
  "a fold without a field": head("X-Field: one\r\n  "),
  "lines that end with a line feed alone": head("X-Field: one").replaceAll("\r\n", "\n"),
  "lines that end with two carriage returns": head("X-Field: one").replaceAll("\r\n", "\r\r\n"),
  "no reason phrase": head("X-Field: a", "HTTP/1.1 200"),
  "no blank before the reason phrase": head("X-Field: a", "HTTP/1.1 200OK"),
  "a tab before the reason phrase": head("X-Field: a", "HTTP/1.1 200\tOK"),
  "a version in lower case": head("X-Field: a", "http/1.1 200 OK"),
  "the version of another protocol": head("X-Field: a", "HTTP/2 200 OK"),
  "an empty line before it": `\r\n${head("X-Field: a")}`,
  "a blank in a name": head("X Field: a"),
  "a blank before the colon": head("X-Field : a"),
  "a blank before the colon of the length": "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
  "a name that is none": head("X(Field)\xe9: a"),
  "no name": head(": a"),
};

/** The runtime's own means where it has some, and ours. */
const WAYS = { directly: {}, "over a connection of our own": { enableIpv6: false } };

for (const [way, options] of Object.entries(WAYS)) {
  for (const [what, rawHead] of Object.entries(HEADS)) {
    test(`98 ${what}, ${way}: a bad response, which is not asked for again`, async () => {
      await using reach = await Reach.open();
      await using server = await FaultServer.start({
        ...REACH_FILE,
        respond: () => ({ rawHead, body: "bytes" }),
      });
      const { message, retryable } = await reach.fail("bad_response", `${server.url}?hush`, options);
      assert.match(message, /^Cannot use the response of 127\.0\.0\.1:\d+: its head /);
      assert.doesNotMatch(message, /no connection|hush/);
      assert.equal(retryable, false);
      // A second look over a connection of our own is not a retry.
      assert.equal(server.requests.length, way === "directly" && "Deno" in globalThis ? 2 : 1);
    });
  }
}

for (const [way, options] of Object.entries(WAYS)) {
  for (const [what, rawHead] of Object.entries(TAKEN)) {
    test(`98 ${what}, ${way}: taken`, async () => {
      await using scene = await Scene.open(
        { seed: 7, size: 5, respond: () => ({ rawHead, body: contentBytes(7, 0, 5) }) },
        () => new Downloader(options),
      );
      await scene.complete();
      const isSeenTwice = way === "directly" && "Deno" in globalThis;
      assert.ok(scene.server.requests.length <= (isSeenTwice ? 2 : 1));
    });
  }
}

for (const [way, options] of Object.entries(WAYS)) {
  test(`chunks in HTTP/1.0, ${way}: taken`, async () => {
    await using reach = await Reach.open();
    await using talker = await Talker.start((socket) =>
      void socket.once("data", () => {
        const fields = "Connection: keep-alive\r\nTransfer-Encoding: chunked";
        socket.end(`HTTP/1.0 200 OK\r\n${fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
      })
    );
    await using downloader = new Downloader(options);
    const { size } = await downloader.download(reach.spec(`http://${talker.host}/`)).wait();
    assert.equal(size, 5);
  });
}

test("98 where a head needs a connection of our own, the runtime's idle ones are closed", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: ({ path }) =>
      path === "/odd" ? { rawHead: head(fields(300)), body: "bytes" } : { throttle: 500_000 },
  });
  const starter = reach.start();
  try {
    const downloads = Array.from({ length: 3 }, () => starter.download(reach.spec(server.url)));
    await Promise.all(downloads.map((download) => download.wait()));
    assert.ok(server.openConnections > 1, `${server.openConnections} connections`);
    await starter.download(reach.spec(new URL("/odd", server.url).href)).wait();
    if ("Deno" in globalThis) await until(() => server.openConnections === 1);
  } finally {
    await starter.close();
  }
});

test("98 fields that are merely many or long are taken", async () => {
  await using scene = await Scene.open({
    seed: 7,
    size: 5,
    respond: () => ({
      headers: {
        "X-Long": "a".repeat(100_000),
        "X-Tab": "a\tb",
        "X-Latin": "\xff",
        ...Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`X-Field-${index}`, "value"])),
      },
    }),
  });
  await scene.complete();
  assert.deepEqual(scene.server.requests.length, 1);
});
