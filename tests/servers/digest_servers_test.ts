import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Downloader, type DownloadSpec, HttpStatusError } from "../../mod.ts";
import { makeCertificate } from "../helpers/sockets/certificate.ts";
import { assertFileIs, contentBytes } from "../../testing/content.ts";
import {
  type DigestServer,
  type DigestServerOptions,
  findDigestServers,
  startApacheDigest,
  startLighttpdDigest,
  startSquidDigest,
} from "../helpers/servers/digest_servers.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const SEED = 12;
const SIZE = 5_000_000;
const USER = { username: "me", password: "s3cret" };

const { apache, lighttpd, squid } = await findDigestServers();
const NO_APACHE = apache === undefined && "Apache is not installed";
const NO_LIGHTTPD = lighttpd === undefined && "lighttpd is not installed";
const NO_SQUID = squid === undefined && "squid and its helper for Digest are not installed";
const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

type Start = (options: DigestServerOptions) => Promise<DigestServer>;

/** Downloads a file over several connections from a server that `start` starts. */
async function download(start: Start, spec: Partial<DownloadSpec>): Promise<void> {
  await using dir = await temporaryDirectory();
  await using output = await temporaryDirectory();
  const root = dir.join("root");
  await mkdir(join(root, "a b"), { recursive: true });
  await writeFile(join(root, "a b", "file.bin"), contentBytes(SEED, 0, SIZE));
  await chmod(root, 0o755);
  await using server = await start({ dir, root, user: USER.username, password: USER.password });
  await using downloader = new Downloader();
  const outputPath = output.join("out.bin");
  const url = `${server.origin}/a%20b/file.bin`;
  const limits = { ...SMALL_FILE, minSegmentSize: 65_536, maxRetries: 0 };
  await downloader.download({ ...limits, maxConnections: 6, url, outputPath, ...spec }).wait();
  await assertFileIs(outputPath, SEED, SIZE);
}

const withApache = (lifetimeSeconds: number): Start => (options) =>
  startApacheDigest(apache!, options, lifetimeSeconds);

test(
  "129 Apache asks for Digest, and gets it",
  { skip: NO_APACHE, timeout: 60_000 },
  () => download(withApache(300), USER),
);

test(
  "129 Apache calls a nonce stale after a second",
  { skip: NO_APACHE, timeout: 60_000 },
  () => download(withApache(1), { ...USER, maxDownloadSpeed: 2_000_000 }),
);

test("129 Apache refuses a wrong password, and the message says what it wants", {
  skip: NO_APACHE,
  timeout: 60_000,
}, () =>
  assert.rejects(download(withApache(300), { ...USER, password: "another" }), (error) => {
    assert.ok(error instanceof HttpStatusError && error.status === 401);
    assert.match(error.message, /Digest/);
    return true;
  }));

for (const algorithms of [["MD5"], ["SHA-256"], ["SHA-256", "MD5"]] as const) {
  test(`129 lighttpd asks for Digest with ${algorithms.join(" or ")}, and gets it`, {
    skip: NO_LIGHTTPD,
    timeout: 60_000,
  }, () => download((options) => startLighttpdDigest(lighttpd!, options, algorithms), USER));
}

test(
  "129 lighttpd gets what netrc says",
  { skip: NO_LIGHTTPD, timeout: 60_000 },
  () =>
    download((options) => startLighttpdDigest(lighttpd!, options, ["SHA-256"]), {
      netrc: "machine 127.0.0.1 login me password s3cret",
    }),
);

test("129 squid asks for Digest, forwards and opens tunnels", {
  ...{ skip: NO_SQUID || NO_OPENSSL, timeout: 60_000 },
}, async () => {
  await using dir = await temporaryDirectory();
  await using output = await temporaryDirectory();
  const certificate = await makeCertificate(dir.path);
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ range }) => ({
      range: { start: range!.start, end: Math.min(range!.end, range!.start + 200_000) },
    }),
  });
  await using front = await TlsFront.start(server.url, certificate);
  await using proxy = await startSquidDigest(
    squid!,
    { dir, user: USER.username, password: USER.password },
    10,
  );
  const at = (password: string) => proxy.origin.replace("://", `://${USER.username}:${password}@`);
  await using downloader = new Downloader({ tls: { ca: await readFile(certificate.caCert, "utf8") } });
  const limits = { ...SMALL_FILE, minSegmentSize: 65_536, maxRetries: 0, maxConnections: 3 };
  for (const url of [server.url, front.url]) {
    const outputPath = output.join(`${new URL(url).protocol.slice(0, -1)}.bin`);
    await downloader.download({ ...limits, url, outputPath, allProxy: at(USER.password) }).wait();
    await assertFileIs(outputPath, SEED, SIZE);
    await assert.rejects(
      downloader.download({ ...limits, url, outputPath: output.join("no"), allProxy: at("wrong") }).wait(),
      { code: "proxy", message: /: it refuses the user name or the password \(407\)$/ },
    );
  }
});
