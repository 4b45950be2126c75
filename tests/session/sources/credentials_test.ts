import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { Downloader, type DownloaderOptions, type DownloadSpec } from "../../../mod.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest } from "../../../testing/mod.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 5;
const SIZE = 400_000;
const STEP_BYTES = 100_000;

/** Who a server was told that we are: the text of Basic credentials, or the field as it is. */
function identityIn({ headers }: RecordedRequest): string | undefined {
  const field = headers["authorization"];
  const [, basic] = /^Basic (\S+)$/.exec(field ?? "") ?? [];
  return basic === undefined ? field : Buffer.from(basic, "base64").toString("utf8");
}

/** Downloads, and returns who the server was told that we are, which must be the same in every request. */
async function identityOf(
  spec: (url: string) => Partial<DownloadSpec>,
  options: DownloaderOptions = {},
): Promise<string | undefined> {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ range }) => ({
      range: { start: range!.start, end: Math.min(range!.end, range!.start + STEP_BYTES) },
    }),
  });
  await using downloader = new Downloader(options);
  const handle = downloader.download({
    ...{ maxConnections: 2, minSplitSize: 0, minSegmentSize: 16_384, pieceSize: 16_384 },
    ...{ url: server.url, outputDir: dir.path },
    ...spec(server.url),
  });
  const { path } = await handle.wait();
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await dir.list(), ["file.bin"]);
  assert.ok(server.requests.length >= SIZE / STEP_BYTES);
  const [identity, ...others] = new Set(server.requests.map(identityIn));
  assert.deepEqual(others, []);
  assert.ok(server.requests.every(({ path, headers }) => !`${path}${headers["host"]}`.includes("@")));
  return identity;
}

const within = (userinfo: string) => (url: string) => ({ url: url.replace("://", `://${userinfo}@`) });

const IDENTITIES: Readonly<Record<string, readonly [Parameters<typeof identityOf>[0], string]>> = {
  "username and password": [() => ({ username: "me", password: "pass" }), "me:pass"],
  "username alone": [() => ({ username: "me" }), "me:"],
  "an empty username": [() => ({ username: "", password: "pass" }), ":pass"],
  "colons and spaces in the password": [() => ({ username: "me", password: "a:b c" }), "me:a:b c"],
  "letters of all sorts": [() => ({ username: "jürgen", password: "пароль€😀" }), "jürgen:пароль€😀"],
  "userinfo": [within("me:pass"), "me:pass"],
  "userinfo without a password": [within("me"), "me:"],
  "userinfo with percent signs": [within("j%C3%BCrgen:p%40ss%3A%2F"), "jürgen:p@ss:/"],
  "bearerToken": [() => ({ bearerToken: "abc.DEF-123_~+/==" }), "Bearer abc.DEF-123_~+/=="],
  "a header": [() => ({ headers: { authorization: "Digest own" } }), "Digest own"],
  "a header before username": [
    () => ({ username: "me", password: "pass", headers: { Authorization: "Bearer own" } }),
    "Bearer own",
  ],
  "a header before bearerToken": [
    () => ({ bearerToken: "other", headers: { Authorization: "Bearer own" } }),
    "Bearer own",
  ],
  "a header before userinfo": [
    (url) => ({ ...within("me:pass")(url), headers: { Authorization: "Bearer own" } }),
    "Bearer own",
  ],
  "username before userinfo": [
    (url) => ({ ...within("other:pass")(url), username: "me", password: "word" }),
    "me:word",
  ],
};

for (const [what, [spec, identity]] of Object.entries(IDENTITIES)) {
  test(`${what}: sent with every request`, async () => {
    assert.equal(await identityOf(spec), identity);
  });
}

test("nothing is said of who we are when nobody says so", async () => {
  assert.equal(await identityOf(() => ({})), undefined);
});

test("defaults give credentials, and a spec others", async () => {
  const defaults = { username: "me", password: "pass" };
  assert.equal(await identityOf(() => ({}), { defaults }), "me:pass");
  assert.equal(await identityOf(() => ({ password: "word" }), { defaults }), "me:word");
  assert.equal(await identityOf(() => ({ headers: { Authorization: "own" } }), { defaults }), "own");
});

/** Everything in the files of a directory. */
async function contents(path: string): Promise<string> {
  const files = await Promise.all((await readdir(path)).map((name) => readFile(join(path, name), "latin1")));
  return files.join("");
}

const SECRETS: Readonly<Record<string, (url: string) => Partial<DownloadSpec>>> = {
  "username and password": () => ({ username: "s3cret", password: "s3cret" }),
  "userinfo": within("s3cret:s3cret"),
  "bearerToken": () => ({ bearerToken: "s3cret" }),
  "cookies": () => ({ cookies: ["127.0.0.1", "FALSE", "/", "FALSE", "0", "id", "s3cret"].join("\t") }),
  "a header": () => ({ headers: { Authorization: "s3cret" } }),
};

for (const [what, spec] of Object.entries(SECRETS)) {
  test(`79: ${what}: refused half-way, and neither told nor stored`, async () => {
    await using dir = await temporaryDirectory();
    let isRefused = true;
    await using server = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: ({ index, range }) => {
        if (index >= 2 && isRefused) return { status: 401, headers: { "WWW-Authenticate": "Basic" } };
        return { range: { start: range!.start, end: Math.min(range!.end, range!.start + STEP_BYTES) } };
      },
    });
    const told: unknown[] = [];
    const options = { logger: (...entry: unknown[]) => void told.push(entry) };
    await using downloader = new Downloader(options);
    const given = { url: server.url, outputDir: dir.path, ...spec(server.url) };
    const handle = downloader.download({ ...given, pieceSize: 16_384 });
    const watched = (async () => {
      for await (const snapshot of handle) told.push(snapshot);
    })();
    const error = await handle.wait().then(() => assert.fail("it succeeded"), (reason) => reason);
    await watched;
    assert.equal(error.status, 401);
    told.push(error, error.stack, JSON.stringify(error), handle, downloader);
    const shown = inspect(told, { depth: Infinity, showHidden: true }) + await contents(dir.path) +
      await dir.list();
    for (const secret of ["s3cret", btoa("s3cret:s3cret")]) assert.ok(!shown.includes(secret), shown);
    isRefused = false;
    const { resumedBytes } = await downloader.download(given).wait();
    assert.ok(resumedBytes > 0);
  });
}
