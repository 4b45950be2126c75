import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { RawClient } from "../helpers/sockets/raw_client.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import type { OddCase } from "./oddities_case.ts";
import { curl, findCurl } from "./oddities_curl.ts";
import { OddServer } from "./oddities_server.ts";

const SIZE = 1000;

/** A request for the file, and what a server answers. */
async function ask(
  odd: Partial<OddCase>,
  lines: readonly string[] = [],
): Promise<{ head: string; body: Buffer; file: Uint8Array }> {
  await using server = await OddServer.start({ size: SIZE, connections: 1, ...odd });
  using client = await RawClient.connect(server.url);
  const { pathname, search } = new URL(server.url);
  client.send(
    [`GET ${pathname}${search} HTTP/1.1`, "Host: a", "Connection: close", ...lines, "", ""].join("\r\n"),
  );
  const head = await client.head();
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  const body = /chunked/.test(head) || length === undefined
    ? await client.rest()
    : await client.bytes(Number(length));
  return { head, body, file: server.bytes(1) };
}

test("a case without oddities is a good server", async () => {
  const whole = await ask({});
  assert.ok(whole.head.startsWith("HTTP/1.1 200 OK\r\n"), whole.head);
  assert.deepEqual(new Uint8Array(whole.body), whole.file);
  const part = await ask({}, ["Range: bytes=100-299"]);
  assert.ok(part.head.includes("\r\nContent-Range: bytes 100-299/1000\r\n"), part.head);
  assert.deepEqual(new Uint8Array(part.body), part.file.subarray(100, 300));
  const behind = await ask({}, ["Range: bytes=1000-"]);
  assert.ok(behind.head.startsWith("HTTP/1.1 416 "), behind.head);
});

const PARTS: readonly (readonly [name: string, odd: Partial<OddCase>, ...wanted: RegExp[]])[] = [
  ["a status of 200", { partStatus: 200 }, /^HTTP\/1.1 200/, /Content-Range: bytes 100-299\/1000/],
  ["no Content-Range", { contentRange: "none" }, /^HTTP\/1.1 206(?!.*Content-Range)/s],
  ["an end behind the file", { size: 250, contentRange: "end as asked" }, /bytes 100-299\/250/],
  ["the length as total", { contentRange: "total is length" }, /bytes 100-299\/200/],
  ["the end as total", { contentRange: "total is end" }, /bytes 100-299\/300/],
  ["all the rest", { ranges: "to the end" }, /bytes 100-999\/1000/, /Content-Length: 900/],
  ["less than asked", { ranges: "short" }, /bytes 100-199\/1000/],
  ["several parts", { ranges: "multipart" }, /Content-Type: multipart\/byteranges; boundary=/],
  ["a length that is off", { partLength: -1 }, /Content-Length: 199/],
  ["the whole", { ranges: "ignored" }, /^HTTP\/1.1 200/, /Content-Length: 1000/],
  ["HTTP/1.0", { http10: true, length: "chunked" }, /^HTTP\/1.0 206/, /Connection: close/],
  ["fields in lower case", { names: "lower" }, /\r\ncontent-range: /, /\r\nlast-modified: /],
  ["a refusal", { refusal: { when: 100, status: 416 } }, /^HTTP\/1.1 416/],
];

for (const [name, odd, ...wanted] of PARTS) {
  test(`an odd server answers a range with ${name}`, async () => {
    const { head } = await ask(odd, ["Range: bytes=100-299"]);
    for (const pattern of wanted) assert.ok(pattern.test(head), head);
  });
}

test("a range that is small enough is not refused", async () => {
  const { head } = await ask({ refusal: { when: 200 } }, ["Range: bytes=100-299"]);
  assert.ok(head.startsWith("HTTP/1.1 206"), head);
  const { head: behind } = await ask({ refusal: { when: "behind" } }, ["Range: bytes=0-999"]);
  assert.ok(behind.startsWith("HTTP/1.1 206"), behind);
});

test("the second of two connections is refused while the first one is served", async () => {
  const odd: OddCase = { size: 3 * 2 ** 20, connections: 2, extra: { how: 421 } };
  await using server = await OddServer.start(odd);
  const held = server.holdAfter(100_000);
  using first = await RawClient.connect(server.url);
  first.request();
  await held;
  using second = await RawClient.connect(server.url);
  second.request();
  assert.ok((await second.head()).startsWith("HTTP/1.1 421"));
  first[Symbol.dispose]();
  using third = await RawClient.connect(server.url);
  third.request();
  assert.ok((await third.head()).startsWith("HTTP/1.1 200"));
});

test("a server holds back what comes after so many bytes, until it is released", async () => {
  await using server = await OddServer.start({ size: 300_000, connections: 1 });
  const held = server.holdAfter(100_000);
  using client = await RawClient.connect(server.url);
  client.request();
  await client.head();
  await held;
  assert.equal((await client.bytes(65_536)).length, 65_536);
  server.release();
  assert.equal((await client.bytes(300_000 - 65_536)).length, 300_000 - 65_536);
});

const REDIRECTS: OddCase = {
  size: SIZE,
  connections: 1,
  cookie: true,
  redirects: [
    { status: 300, form: "query" },
    { form: "raw UTF-8", body: "chunked" },
    { status: 308, form: "double slash", body: "closed" },
    { form: "space", body: "none" },
    { form: "no scheme" },
    { form: "twice" },
    { form: "blanks" },
    { form: "relative" },
    { form: "upper scheme" },
    { form: "fragment" },
    { form: "lower name" },
    { form: "absolute" },
  ],
};

test("curl finds its way through every form of redirect", {
  skip: await skipWithout("odd servers and curl", { curl: findCurl }),
}, async () => {
  await using directory = await temporaryDirectory();
  await using server = await OddServer.start(REDIRECTS);
  const bytes = await curl(server.url, directory.join("out.bin"));
  assert.equal(Buffer.compare(bytes ?? new Uint8Array(), server.bytes(1)), 0);
});
