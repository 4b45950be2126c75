import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadResult, type DownloadSpec } from "../../mod.ts";
import { makeCertificate } from "../helpers/sockets/certificate.ts";
import { Child } from "../helpers/child.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest } from "../../testing/mod.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const SEED = 74;
const SIZE = 3_000_000;

async function download(spec: DownloadSpec): Promise<DownloadResult> {
  await using downloader = new Downloader();
  return await downloader.download({ ...SMALL_FILE, ...spec }).wait();
}

/** A server that sends every request to what `location` says, or answers where that says nothing. */
function redirecting(location: (request: RecordedRequest) => string | undefined): Promise<FaultServer> {
  return FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: (request) => {
      const to = location(request);
      return to === undefined ? undefined : { status: 302, headers: { Location: to } };
    },
  });
}

async function assertRefused(dir: TemporaryDirectory, url: string, text: RegExp): Promise<void> {
  await assert.rejects(download({ url, outputPath: dir.join("out.bin") }), (error) => {
    assert.ok(error instanceof DownloadError, String(error));
    assert.equal(error.code, "redirect");
    assert.equal(error.retryable, false);
    assert.match(error.message, text);
    return true;
  });
  assert.deepEqual(await dir.list(), []);
}

const LOOPS: Readonly<Record<string, (request: RecordedRequest) => string>> = {
  "to itself": ({ path }) => path,
  "of two": ({ path }) => path === "/a" ? "/b" : "/a",
  "without an end": ({ index }) => `/${index}`,
};

for (const [what, location] of Object.entries(LOOPS)) {
  test(`74: a redirect loop ${what} is left after ten steps`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await redirecting(location);
    await assertRefused(dir, server.url, /redirected more than 10 times/);
    assert.equal(server.requests.length, 11);
  });
}

test("74: ten redirects in a row are followed", async () => {
  await using dir = await temporaryDirectory();
  await using server = await redirecting(({ index }) => index < 10 ? `/${index}` : undefined);
  const { path } = await download({ url: server.url, outputPath: dir.join("out.bin") });
  await assertFileIs(path, SEED, SIZE);
});

for (const location of ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "javascript:x"]) {
  test(`74: a redirect to ${location} is refused`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await redirecting(() => location);
    const { protocol } = new URL(location);
    await assertRefused(dir, server.url, new RegExp(`redirected to a "${protocol}" URL`));
    assert.equal(server.requests.length, 1);
  });
}

test("74: a redirect without a Location is refused", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, respond: () => ({ status: 302 }) });
  await assertRefused(dir, server.url, /answered 302 without a Location/);
});

test("74: a redirect to what is no URL is refused", async () => {
  await using dir = await temporaryDirectory();
  await using server = await redirecting(() => "http://[");
  await assertRefused(dir, server.url, /a URL that does not parse/);
});

const SECRETS = { Authorization: "Bearer s3cret", Cookie: "id=s3cret", "X-Api-Key": "s3cret" };
const AGENT = { "User-Agent": "s3cret-agent/1" };

/** Whether a request carries anything of the caller's. */
function carriesSecrets({ rawHeaders, path }: RecordedRequest): boolean {
  return /s3cret|authorization|cookie/i.test(JSON.stringify([rawHeaders, path]));
}

test("75: another origin gets none of the caller's headers, on any connection", async () => {
  await using dir = await temporaryDirectory();
  await using other = await FaultServer.start({ size: SIZE, seed: SEED });
  await using server = await redirecting(() => other.url.replace("http://", "http://mallory:pw@"));
  const spec = {
    url: server.url,
    outputPath: dir.join("out.bin"),
    headers: { ...SECRETS, ...AGENT },
    maxConnections: 4,
  };
  await download(spec);
  await assertFileIs(spec.outputPath, SEED, SIZE);
  assert.ok(server.requests.every(carriesSecrets), "its own origin lacks them");
  assert.ok(other.requests.length >= 4 && other.connections >= 3);
  assert.deepEqual(other.requests.filter(carriesSecrets), []);
});

test("75: a user name and password in the URL do not go along either", async () => {
  await using dir = await temporaryDirectory();
  await using other = await FaultServer.start({ size: SIZE, seed: SEED });
  await using server = await redirecting(() => other.url);
  const url = server.url.replace("http://", "http://user:s3cret@");
  await download({ url, outputPath: dir.join("out.bin") });
  assert.equal(server.requests[0]?.headers["authorization"], `Basic ${btoa("user:s3cret")}`);
  assert.deepEqual(other.requests.filter(carriesSecrets), []);
});

test("75: what was left behind does not come back on return to the first origin", async () => {
  await using dir = await temporaryDirectory();
  await using other = await redirecting(() => `${new URL(server.url).origin}/back`);
  await using server = await redirecting(({ path }) => path === "/back" ? undefined : other.url);
  await download({ url: server.url, outputPath: dir.join("out.bin"), headers: SECRETS });
  const [first, ...rest] = server.requests;
  assert.equal(carriesSecrets(first!), true);
  assert.ok(rest.length > 0);
  assert.deepEqual(rest.filter(carriesSecrets), []);
});

test("75: within one origin the caller's headers stay", async () => {
  await using dir = await temporaryDirectory();
  await using server = await redirecting(({ path }) => path === "/there" ? undefined : "/there");
  await download({ url: server.url, outputPath: dir.join("out.bin"), headers: SECRETS });
  assert.ok(server.requests.length > 1 && server.requests.every(carriesSecrets));
});

test("75: a download that is resumed keeps to the same rules", async () => {
  await using dir = await temporaryDirectory();
  let throttle: number | undefined = 4_000_000;
  await using other = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: () => throttle === undefined ? undefined : { throttle },
  });
  await using server = await redirecting(() => other.url);
  const spec = { url: server.url, outputPath: dir.join("out.bin"), headers: SECRETS, ...SMALL_FILE };
  await using downloader = new Downloader();
  const handle = downloader.download(spec);
  await other.until(() => other.bytesServed >= 1_000_000);
  handle.pause();
  await assert.rejects(handle.wait(), { code: "paused" });
  await handle.closed;
  throttle = undefined;
  assert.equal((await download(spec)).resumedBytes, handle.snapshot.downloaded);
  assert.deepEqual(other.requests.filter(carriesSecrets), []);
});

const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

test("76: a redirect from https to http is refused", { timeout: 60_000, skip: NO_OPENSSL }, async () => {
  await using dir = await temporaryDirectory();
  await using keys = await temporaryDirectory();
  await using plain = await FaultServer.start({ size: 1000 });
  const { caCert, cert, key } = await makeCertificate(keys.path);
  let asked = 0;
  const secure = createServer({ cert: await readFile(cert), key: await readFile(key) }, (_, response) => {
    asked++;
    response.writeHead(302, { Location: plain.url, Connection: "close" }).end();
  });
  secure.listen(0, "127.0.0.1");
  await once(secure, "listening");
  try {
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/file.bin`;
    // The first is how Deno is told of an authority, the second is for Bun.
    const env = { DENO_CERT: caCert, NODE_EXTRA_CA_CERTS: caCert };
    await using child = Child.bytehaul(["--retries", "0", "-d", dir.path, url], { env });
    const { status, stderr } = await child.ended;
    assert.equal(status, 1);
    assert.match(stderr, /redirected from https: to http:, which is followed only when allowed/);
    assert.equal(asked, 1);
    assert.equal(plain.connections, 0);
    assert.deepEqual(await dir.list(), []);
  } finally {
    secure.close();
  }
});
