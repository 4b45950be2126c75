import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { inspect } from "node:util";
import { Downloader, type DownloadSpec } from "../../mod.ts";
import { Child } from "../helpers/child.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { WITH_REFUSALS } from "../helpers/wine.ts";

const SIZE = 2_000_000;
const QUERY = "query-s3cret";
const PASSWORD = "password-s3cret";
const HEADER = "header-s3cret";
const FRAGMENT = "fragment-s3cret";
const SECRETS = ["s3cret", btoa(`user:${PASSWORD}`)];

/** A URL full of secrets at the origin of `url`. */
function secretUrl(url: string): string {
  return `${url.replace("http://", `http://user:${PASSWORD}@`)}?token=${QUERY}#${FRAGMENT}`;
}

function assertNoSecret(text: string, where: string): void {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${where} shows ${secret}: ${text}`);
}

/** Everything in the files of a directory, some of which may vanish meanwhile. */
async function contents(path: string): Promise<string> {
  const names = await readdir(path);
  const files = await Promise.all(names.map((name) => readFile(join(path, name), "latin1").catch(() => "")));
  const text = files.join("");
  assert.ok(text !== "" || names.length === 0);
  return text;
}

/** Host and port where no server is. */
const NOBODY = await FaultServer.start({ size: 1 }).then(async (server) => {
  await server.stop();
  return new URL(server.url).host;
});

/** How a download ends that fails or is stopped, and what tells of it. */
interface Case {
  readonly name: string;
  readonly code: string;
  readonly reply: (request: RecordedRequest) => Reply | undefined;
  /** What is particular about it, `url` being where the server is. */
  readonly spec?: (url: string) => Partial<DownloadSpec>;
  readonly pauses?: boolean;
  readonly skip?: string | false;
  /** Whether not even a request reaches the server. */
  readonly isUnreachable?: boolean;
}

/** The address of a proxy with a password. */
function proxyAt(scheme: string, host: string): string {
  return `${scheme}://user:${PASSWORD}@${host}`;
}

const CASES: readonly Case[] = [
  { name: "is paused", code: "paused", reply: () => ({ throttle: 2_000_000 }), pauses: true },
  { name: "gets a 404", code: "http_status", reply: () => ({ status: 404 }) },
  { name: "is retried and gets 503", code: "http_status", reply: () => ({ status: 503 }) },
  { name: "is refused", code: "network", reply: () => ({ refuse: true }) },
  { name: "is cut", code: "network", reply: () => ({ resetAfter: 0 }) },
  {
    name: "gets no answer",
    code: "timeout",
    reply: () => ({ never: true }),
    spec: () => ({ connectTimeoutMs: 50 }),
  },
  {
    name: "goes silent",
    code: "timeout",
    reply: () => ({ silentAfter: 0 }),
    spec: () => ({ readTimeoutMs: 50 }),
  },
  {
    name: "gets another version in the middle",
    code: "remote_changed",
    reply: ({ index }) => index === 0 ? { resetAfter: 1000 } : { seed: 5, etag: '"5"' },
  },
  {
    name: "gets a malformed range",
    code: "bad_response",
    reply: () => ({ headers: { "Content-Range": "bytes 1-2/3" } }),
  },
  {
    name: "is sent to a file",
    code: "redirect",
    reply: () => ({ status: 302, headers: { Location: `file:///x?${QUERY}` } }),
  },
  {
    name: "is sent to a port where nobody is",
    code: "connect",
    skip: WITH_REFUSALS.skip,
    reply: () => ({ status: 302, headers: { Location: `http://user:${PASSWORD}@${NOBODY}/?${QUERY}` } }),
  },
  {
    name: "is sent to another address, which is gone",
    code: "http_status",
    reply: ({ path }) =>
      path.startsWith("/there")
        ? { status: 410 }
        : { status: 302, headers: { Location: `/there?signature=${QUERY}#${FRAGMENT}` } },
  },
  {
    name: "is sent round in circles",
    code: "redirect",
    reply: ({ index }) => ({ status: 302, headers: { Location: `/${index}?signature=${QUERY}` } }),
  },
  {
    name: "is sent to what is no address",
    code: "redirect",
    reply: () => ({ status: 302, headers: { Location: `http://user:${PASSWORD}@[/?${QUERY}` } }),
  },
  {
    name: "is refreshed in vain",
    code: "http_status",
    reply: () => ({ status: 403 }),
    spec: (url) => ({
      refresh: () => Promise.resolve({ url: secretUrl(url), headers: { "X-Fresh": HEADER, Cookie: HEADER } }),
    }),
  },
  {
    name: "is refreshed with what is no address",
    code: "http_status",
    reply: () => ({ status: 403 }),
    spec: () => ({ refresh: () => Promise.resolve({ url: `http://user:${PASSWORD}@[/?${QUERY}` }) }),
  },
  {
    name: "is refreshed with what is no header",
    code: "http_status",
    reply: () => ({ status: 403 }),
    spec: (url) => ({ refresh: () => Promise.resolve({ url, headers: { "X-Fresh": `${HEADER}\n` + "x" } }) }),
  },
  {
    name: "is refused by its proxy",
    code: "proxy",
    reply: () => ({ status: 407 }),
    spec: (url) => ({ allProxy: proxyAt("http", new URL(url).host) }),
  },
  {
    name: "is cut by its proxy",
    code: "network",
    reply: () => ({ resetAfter: 0 }),
    spec: (url) => ({ allProxy: proxyAt("http", new URL(url).host) }),
  },
  ...["http", "https", "socks5", "socks5h"].map((scheme): Case => ({
    name: `has a proxy (${scheme}) that is down`,
    code: "proxy",
    reply: () => undefined,
    spec: () => ({ allProxy: proxyAt(scheme, NOBODY) }),
    isUnreachable: true,
  })),
  {
    name: "is refused a tunnel by its proxy",
    code: "proxy",
    reply: () => ({ status: 407 }),
    spec: (url) => ({
      url: secretUrl(url).replace("http:", "https:"),
      allProxy: proxyAt("http", new URL(url).host),
    }),
  },
  {
    name: "has another checksum",
    code: "checksum_mismatch",
    reply: () => undefined,
    spec: () => ({ checksum: `md5:${"0".repeat(32)}` }),
  },
];

for (const { name, code, reply, spec, pauses, isUnreachable = false, skip = false } of CASES) {
  test(`79: a download that ${name} tells no secret`, { skip }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, respond: reply });
    const told: unknown[] = [];
    await using downloader = new Downloader({ logger: (...entry) => told.push(entry) });
    const handle = downloader.download({
      url: secretUrl(server.url),
      outputDir: dir.path,
      headers: { "X-Api-Key": HEADER, Cookie: HEADER },
      ...SMALL_FILE,
      maxRetries: 1,
      controlSaveIntervalMs: 5,
      ...spec?.(server.url),
    });
    const watched = (async () => {
      for await (const snapshot of handle) told.push(snapshot);
    })();
    if (pauses) {
      await server.until(() => server.bytesServed >= SIZE / 2);
      assertNoSecret(await contents(dir.path), "a file");
      handle.pause();
    }
    const error = await handle.wait().then(() => assert.fail("it succeeded"), (reason) => reason);
    await watched;
    assert.equal(error.code, code, inspect(error));
    assert.equal(server.requests.length === 0, isUnreachable);
    told.push(error, error.stack, String(error), JSON.stringify(error), handle, downloader);
    assertNoSecret(
      inspect(told, { depth: Infinity, showHidden: true, maxStringLength: Infinity }),
      "what is told",
    );
    assertNoSecret(await contents(dir.path), "a file");
    assertNoSecret((await dir.list()).join(), "a name");
  });
}

test("79: neither does a result, nor a message about an output that is in use", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, respond: () => ({ throttle: 20_000_000 }) });
  await using downloader = new Downloader();
  const spec = { url: secretUrl(server.url), outputDir: dir.path, headers: { "X-Api-Key": HEADER } };
  const handle = downloader.download(spec);
  await until(() => handle.snapshot.path !== undefined);
  const error = await downloader.download({ ...spec, outputPath: "file.bin" }).wait().catch((reason) =>
    reason
  );
  assert.equal(error.code, "output_locked");
  const result = await handle.wait();
  assertNoSecret(inspect([error, result], { depth: Infinity, showHidden: true }), "what is told");
});

test("79: misuse is told without secrets", () => {
  const downloader = new Downloader();
  const wrong: DownloadSpec[] = [
    { url: `http://user:${PASSWORD}@[/?${QUERY}` },
    { url: `ftp://user:${PASSWORD}@example.com/?${QUERY}` },
    { url: `http://user:%ff${PASSWORD}@example.com/?${QUERY}` },
    { url: "http://example.com/", headers: { "X-Api-Key": `${HEADER}\n` + "x" } },
    { url: secretUrl("http://example.com/"), maxConnections: 0 },
  ];
  for (const spec of wrong) {
    assert.throws(() => downloader.download(spec), (error) => {
      assert.ok(error instanceof TypeError || error instanceof RangeError);
      assertNoSecret(inspect(error, { depth: Infinity, showHidden: true }), "the error");
      return true;
    });
  }
});

for (const flags of [["-v"], ["-v", "--json"], ["-q"]]) {
  const title = `79: the command with ${flags.join(" ")} tells no secret, how to go on included`;
  const skip = process.platform === "win32" && "there is no SIGINT to send";
  test(title, { timeout: 30_000, skip }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      size: SIZE,
      respond: ({ index }) => index === 0 ? { resetAfter: 1000 } : { throttle: 4_000_000 },
    });
    await using child = Child.bytehaul([
      ...flags,
      ...["-H", `X-Api-Key: ${HEADER}`, "--retry-delay", "0.01", "-d", dir.path],
      secretUrl(server.url),
    ]);
    await server.until(() => server.bytesServed >= SIZE / 2);
    child.signal("SIGINT");
    const { status, stdout, stderr } = await child.ended;
    assert.equal(status, 130);
    assert.match(stderr, /run the same command again/);
    assertNoSecret(stdout + stderr, "the output");
    assertNoSecret(await contents(dir.path), "a file");
  });
}
