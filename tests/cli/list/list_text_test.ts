import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { readEntryOptions } from "../../../src/cli/list/entry_options.ts";
import { type ListEntry, ListParser } from "../../../src/cli/list/list_parser.ts";
import { decodeList } from "../../../src/cli/list/list_text.ts";
import { runCli } from "../../../src/cli/main.ts";
import { FakeDownloader, FakeHost, resolved, utf8 } from "../fakes.ts";

const TEXT = "http://a/1\r\n out=größe\n\nhttp://a/2\t http://b/2\n";

function utf16(text: string, isBigEndian = false): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) {
    view.setUint16(index * 2, text.charCodeAt(index), !isBigEndian);
  }
  return bytes;
}

const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await Promise.resolve();
  }
}

async function parse(bytes: Uint8Array, size = bytes.length): Promise<ListEntry[]> {
  const parser = new ListParser();
  const entries: ListEntry[] = [];
  for await (const text of decodeList(inParts(bytes, size))) entries.push(...parser.push(text));
  return [...entries, ...parser.end()];
}

const READ: readonly [string, Uint8Array][] = [
  ["UTF-8", utf8(TEXT)],
  ["UTF-8 with a mark", utf8(`\uFEFF${TEXT}`)],
  ["UTF-16LE with a mark", utf16(`\uFEFF${TEXT}`)],
  ["UTF-16BE with a mark", utf16(`\uFEFF${TEXT}`, true)],
  ["UTF-16LE without", utf16(TEXT)],
  ["UTF-16BE without", utf16(TEXT, true)],
  ["lines that end in CR", utf8(TEXT.replaceAll("\r\n", "\n").replaceAll("\n", "\r"))],
  ["lines that end in CR LF", utf8(TEXT.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n"))],
];

for (const [what, bytes] of READ) {
  test(`127 a list in ${what} is read`, async () => {
    const wanted: ListEntry[] = [
      { line: 1, urls: ["http://a/1"], options: [{ line: 2, name: "out", value: "größe" }] },
      { line: 4, urls: ["http://a/2", "http://b/2"], options: [] },
    ];
    for (const size of [1, 2, 3, 5, 7, 1000]) assert.deepEqual(await parse(bytes, size), wanted, `${size}`);
  });
}

test("127 lists that were joined are read, with a mark before each", async () => {
  const one = "http://a/1\n out=x\n";
  const two = "\uFEFFhttp://a/2\n";
  for (const bytes of [utf8(`\uFEFF${one}${two}\uFEFF${two}`), utf16(`\uFEFF${one}${two}\uFEFF${two}`)]) {
    const entries = await parse(bytes);
    assert.deepEqual(entries.map(({ line, urls, fault }) => [line, urls[0], fault]), [
      [1, "http://a/1", undefined],
      [3, "http://a/2", undefined],
      [4, "http://a/2", undefined],
    ]);
  }
  assert.deepEqual(await parse(utf8("\uFEFF# only a comment\n\uFEFF\n")), []);
});

const REFUSED: readonly [string, Uint8Array, RegExp][] = [
  ["Latin-1", latin1("http://a/1\n out=gr\xf6\xdfe\nhttp://a/2\n"), /^list:2: .*not UTF-8; is it Latin-1\?/],
  ["Latin-1 in a URL", latin1("http://a/gr\xf6\xdfe\n"), /^list:1: .*not UTF-8; is it Latin-1\?/],
  [
    "UTF-16 behind UTF-8",
    joined(utf8("http://a/1\n"), utf16("\uFEFFhttp://a/2\n")),
    /^list:2: .*is a part of it UTF-16\?/,
  ],
  [
    "UTF-32",
    joined(Uint8Array.of(0xff, 0xfe, 0, 0), utf16("h\0t\0")),
    /^Cannot use .*: it is UTF-32; save it/,
  ],
  ["UTF-32 without a mark", Uint8Array.of(0x68, 0, 0, 0, 0x74, 0, 0, 0), /: it is UTF-32; save it/],
  ["UTF-32BE", Uint8Array.of(0, 0, 0xfe, 0xff, 0, 0, 0, 0x68), /: it is UTF-32; save it/],
  [
    "a list without an end of line before another",
    utf8("http://a/1\uFEFFhttp://a/2\n"),
    /^list:1: .*byte order mark in the middle/,
  ],
];

class ByteHost extends FakeHost {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.bytes = bytes;
  }

  override readChunks(): AsyncGenerator<Uint8Array> {
    return inParts(this.bytes, 1 << 16);
  }
}

async function run(
  bytes: Uint8Array,
): Promise<{ status: number; host: FakeHost; downloader: FakeDownloader }> {
  const host = new ByteHost(bytes);
  const downloader = new FakeDownloader();
  const status = await runCli(["-q", "-i", "list"], host, downloader.create);
  return { status, host, downloader };
}

for (const [what, bytes, message] of REFUSED) {
  test(`127 a list with ${what} is refused, and says why`, async () => {
    const { status, host, downloader } = await run(bytes);
    assert.equal(status, 2);
    assert.match(host.stderr.replace(/^bytehaul: /, "").replace("Cannot use the line: ", ""), message);
    assert.equal(downloader.specs.length, 0);
  });
}

test("127 what a comment is written in does not matter", async () => {
  assert.equal((await run(latin1("# Gr\xf6\xdfe\nhttp://a/1\n"))).status, 0);
});

const SESSION = [
  "http://a/1\thttp://a/1\t",
  " gid=0123456789abcdef",
  " dir=/tmp",
  " out=one",
  " split=5",
  " max-connection-per-server=2",
  " http-user=me",
  " http-passwd=",
  " max-tries=3",
  " retry-wait=2",
  " remote-time=true",
  " referer=http://r/",
  " user-agent=u",
  " all-proxy=http://proxy:3128",
  " load-cookies=/home/me/cookies",
  " pause=true",
  " file-allocation=falloc",
  " piece-length=1M",
  " dry-run=false",
  " bt-max-peers=5",
  " ftp-user=anonymous",
  "http://a/2",
  " gid=fedcba9876543210",
  " max-tries=0",
  "",
].join("\n");

test("127 a session of aria2's is read, and what has no use is named once", async () => {
  const host = new ByteHost(utf8(SESSION));
  const downloader = new FakeDownloader();
  assert.equal(await runCli(["-i", "list"], host, downloader.create), 0);
  const [first, second] = downloader.resolved;
  const wanted = resolved({
    url: "http://a/1",
    maxConnections: 2,
    outputDir: "/tmp",
    outputPath: "one",
    username: "me",
    password: "",
    maxRetries: 2,
    retryBaseDelayMs: 2000,
    allProxy: "http://proxy:3128",
    fileAllocation: "prealloc",
    pieceSize: 1_048_576,
    headers: [["Referer", "http://r/"], ["User-Agent", "u"]],
  });
  assert.deepEqual(first, wanted);
  assert.equal(second?.maxRetries, 1_000_000);
  assert.deepEqual(host.stderr.match(/^bytehaul: warning: .*$/gm), [
    "bytehaul: warning: options of the list that have no effect: gid, remote-time, load-cookies, pause, dry-run, bt-max-peers, ftp-user",
  ]);
});

test("127 an entry's own user takes the place of another", async () => {
  const host = new ByteHost(utf8("http://a/1\n http-user=me\n http-passwd=hunter2\nhttp://a/2\n"));
  const downloader = new FakeDownloader();
  await runCli(["--bearer", "token", "-i", "list"], host, downloader.create);
  assert.deepEqual(downloader.resolved, [
    resolved({ maxConnections: "auto", username: "me", password: "hunter2", url: "http://a/1" }),
    resolved({ maxConnections: "auto", bearerToken: "token", url: "http://a/2" }),
  ]);
});

test("127 what is no option of aria2's, or would change what is fetched, is an error", () => {
  const read = (name: string, value: string) => () => readEntryOptions([{ line: 2, name, value }]);
  assert.throws(read("gidd", "x"), /Cannot use the option "gidd": there is no such option/);
  assert.throws(read("dry-run", "true"), /Cannot use the option "dry-run": only false has a meaning here/);
  assert.throws(read("max-tries", "-1"), /Cannot use max-tries "-1": expected a whole number from 0/);
  assert.throws(read("http-user", ""), /Cannot use http-user "": expected something that is not empty/);
});

/** Heap that is in use, in bytes. */
const heap = () => process.memoryUsage().heapUsed;

test("125 an entry with 40 MB of options is refused by its line, at bounded work", () => {
  const parser = new ListParser();
  parser.push("http://a/1\n");
  const before = heap();
  const part = ` header=A: ${"x".repeat(1000)}\n`.repeat(64);
  const parts = Math.ceil(40_000_000 / part.length);
  for (let count = 0; count < parts; count++) assert.deepEqual(parser.push(part), []);
  assert.ok(heap() - before < 30_000_000, `${heap() - before} bytes more`);
  const [entry, next] = [...parser.push("http://a/2\n"), ...parser.end()];
  assert.deepEqual(entry?.options, []);
  assert.equal(entry?.fault?.line, 127);
  assert.match(
    entry?.fault?.reason ?? "",
    /^with it the options of the entry have more than 131072 characters$/,
  );
  assert.deepEqual(next, { line: parts * 64 + 2, urls: ["http://a/2"], options: [] });
});

const LONG = 65_000;
const SLOW: readonly [string, string][] = [
  ["blanks in an option", ` a${" ".repeat(LONG)}b`],
  ["blanks before the equals sign", ` a${" ".repeat(LONG)}=b`],
  ["an unknown name", ` ${"a".repeat(LONG)}=b`],
  ["a long value", ` split=${"9".repeat(LONG)}`],
  ["a long checksum", ` checksum=${"9".repeat(LONG)}`],
  ["a long header", ` header=${"a".repeat(LONG)}`],
  ["equals signs", ` ${"=".repeat(LONG)}`],
];

for (const [what, line] of SLOW) {
  test(`125 ${what}: a line of the longest is judged in no time, and not repeated`, async () => {
    const list = `${"http://a/1\n"}${line}\n`.repeat(20);
    const startedMs = performance.now();
    const { status, host } = await run(utf8(list));
    assert.ok(performance.now() - startedMs < 2000, "it took long");
    assert.equal(status, 2);
    assert.match(host.stderr, /^bytehaul: list:[12]: /);
    assert.ok(host.stderr.length < 1000, `${host.stderr.length} characters`);
  });
}
