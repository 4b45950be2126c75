// What servers say of a file in fields that are odd, and what is made of it.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ChecksumMismatchError, type DownloadSpec } from "../../mod.ts";
import { runBytehaul } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { assertGoesOn, FILE, REACHED, SEED, SHORT, SIZE } from "./half_way.ts";

const IN_A_CHILD = { timeout: 60_000 };

/** More than the first request asks for. */
const LARGE = { ...FILE, size: 3_000_000 };

/** A scene whose server has `headers` in every answer that is a part or the whole. */
const withFields = (headers: Reply["headers"], reply: Reply = {}) =>
  Scene.open({ ...FILE, respond: () => ({ ...reply, headers }) });

const at = ({ server }: Scene, path: string): string => new URL(path, server.url).href;

for (
  const [path, encoding] of [
    ["/a.tar.gz", "gzip"],
    ["/a.tgz", "x-gzip"],
    ["/drawing.svgz", "gzip"],
    ["/a.zst", "zstd"],
    ["/a.tar.br", "br"],
    ["/a.tbz2", "x-bzip2"],
    ["/a.bin", "none"],
    ["/a.bin", "UTF-8"],
    ["/a.bin", "binary"],
    ["/a.bin", "aws-chunked"],
    ["/a.bin", "identity, identity"],
    ["/a.bin", '"identity"'],
    ["/a.bin", ""],
  ]
) {
  test(`93 Content-Encoding ${encoding} of ${path}: the bytes are taken as they are`, async () => {
    const headers = { "Content-Encoding": encoding };
    await using scene = await Scene.open({ ...LARGE, respond: () => ({ headers }) });
    const spec = { url: at(scene, path!), maxConnections: 3 };
    assert.equal((await scene.complete(spec)).fetchedBytes, LARGE.size);
    assert.ok(new Set(scene.server.requests.map(({ connection }) => connection)).size > 1);

    await using whole = await withFields(headers, { status: 200 });
    await whole.complete({ url: at(whole, path!) });
  });
}

test("93 gzip of a stored .tar.gz goes on in a later run", async () => {
  const headers = { "Content-Encoding": "gzip" };
  await using scene = await withFields(headers, SHORT);
  const url = at(scene, "/a.tar.gz");
  await scene.fail("network", { url, maxRetries: 0 });
  scene.respond = () => ({ headers });
  const result = await scene.complete({ url });
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
});

for (
  const [what, path, headers] of [
    ["gzip of a page", "/index.html", { "Content-Encoding": "gzip", "Content-Type": "text/html" }],
    ["gzip of a disk image", "/disk.iso", { "Content-Encoding": "gzip" }],
    ["gzip of an unknown name", "/download?id=5", { "Content-Encoding": "x-gzip" }],
    ["br of a .gz", "/a.gz", { "Content-Encoding": "br" }],
    ["gzip twice", "/a.gz", { "Content-Encoding": ["gzip", "gzip"] }],
    [
      "gzip of a .gz that is saved as what is in it",
      "/a.iso.gz",
      { "Content-Encoding": "gzip", "Content-Disposition": 'attachment; filename="a.iso"' },
    ],
  ] as const
) {
  test(`93 ${what} is refused, and kept encoded where that is wanted`, async () => {
    for (const status of [200, 206]) {
      await using scene = await withFields(headers, { status });
      const url = at(scene, path);
      const { error } = await scene.fail("bad_response", { url });
      assert.match(error.message, /encoded as "[\w-, ]+" .*; set contentEncoding to keep it encoded$/);
      assert.equal(error.retryable, false);
      await scene.assertLeft([]);
      await scene.complete({ url, contentEncoding: "keep" });
    }
  });
}

test("93 a redirect from a name that tells nothing: the URL that answers tells", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ path }) =>
      path === "/latest"
        ? { status: 302, headers: { Location: "/a.tar.gz" } }
        : { headers: { "Content-Encoding": "gzip" } },
  });
  await scene.complete({ url: at(scene, "/latest"), maxConnections: 2 });
});

test("93 a redirect to a page: it is not taken for the archive", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ path }) =>
      path === "/a.tar.gz"
        ? { status: 302, headers: { Location: "/login.html" } }
        : { headers: { "Content-Encoding": "gzip" } },
  });
  await scene.fail("bad_response", { url: at(scene, "/a.tar.gz") });
});

test("93 a later response that is encoded on the way: not a byte of it is used", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { headers: { "Content-Encoding": "gzip" } },
  });
  await scene.fail("bad_response");
  await assertGoesOn(scene);
});

test("93 --keep-encoding, for all files or for one of a list", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...FILE,
    respond: () => ({ headers: { "Content-Encoding": "gzip" } }),
  });
  const url = (name: string) => new URL(name, server.url).href;
  const refused = await runBytehaul([url("/disk.iso")], { cwd: dir.path });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /encoded as "gzip" .*; use --keep-encoding to keep it encoded\n$/);
  await writeFile(dir.join("list"), `${url("/a.html")}\n keep-encoding=true\n`);
  for (const args of [["--keep-encoding", url("/disk.iso")], ["-i", "list"]]) {
    const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
    assert.equal(status, 0, stderr);
  }
  for (const name of ["disk.iso", "a.html"]) await assertFileIs(dir.join(name), SEED, SIZE);
});

for (const type of ["form-data", "related; boundary=x", "mixed", "x-mixed-replace", "signed"]) {
  test(`94 Content-Type multipart/${type} is a type like any other`, async () => {
    const headers = { "Content-Type": `multipart/${type}` };
    await using scene = await Scene.open({ ...LARGE, respond: () => ({ headers }) });
    assert.equal((await scene.complete({ maxConnections: 3 })).fetchedBytes, LARGE.size);
    await using whole = await withFields(headers, { status: 200 });
    await whole.complete();
  });
}

for (const type of ["multipart/byteranges; boundary=x", "multipart/x-byteranges"]) {
  test(`94 ${type} without Content-Range is several parts: the whole file is asked for`, async () => {
    const headers = { "Content-Type": type, "Content-Range": undefined };
    await using scene = await Scene.open({
      ...FILE,
      respond: (request) => request.headers["range"] === undefined ? undefined : { headers },
    });
    await scene.complete();
    assert.ok(scene.wasTold("info", /it has several parts; requesting the complete file/));
  });

  test(`94 ${type} to every request is no file`, async () => {
    const headers = { "Content-Type": type, "Content-Range": undefined };
    await using scene = await Scene.open({ ...FILE, respond: () => ({ status: 206, headers }) });
    const { error } = await scene.fail("bad_response");
    assert.match(error.message, /it has several parts/);
  });
}

/** The bytes of UTF-8 as the server writes them, one to a character. */
const raw = (text: string): string => Buffer.from(text).toString("latin1");

for (
  const [what, field, name] of [
    ["sent twice", ["attachment; filename=a.bin", "attachment; filename=b.bin"], "a.bin"],
    ["sent twice, quoted", ['attachment; filename="a.bin"', 'inline; filename="b.bin"'], "a.bin"],
    ["joined", "attachment; filename=a.bin, attachment; filename=b.bin", "a.bin"],
    ["with a name first in the second", ["attachment", "attachment; filename=b.bin"], "b.bin"],
    ["with commas in the name", "attachment; filename=a, b, c.bin", "a, b, c.bin"],
    ["in words of base64", 'attachment; filename="=?UTF-8?B?5paH5Lu2LnppcA==?="', "文件.zip"],
    ["in quoted-printable words", 'attachment; filename="=?ISO-8859-1?Q?caf=E9_1.zip?="', "café 1.zip"],
    ["in several words", "attachment; filename==?utf-8?q?=C3?= =?utf-8?q?=A4.zip?=", "ä.zip"],
    ["with percent signs", 'attachment; filename="a%20b%C3%A4.bin"', "a bä.bin"],
    ["in raw UTF-8 and percent signs", `attachment; filename="${raw("ä")}%20b.bin"`, "ä b.bin"],
    ["with filename* without a charset", "attachment; filename*=a%20b.bin", "a b.bin"],
    ["with filename* in another charset", "attachment; filename*=Shift_JIS''%93%FA.bin", "日.bin"],
    ["with filename* that is broken", "attachment; filename*=utf-8''100%.bin", "100%.bin"],
    ["with filename* in quotes", `attachment; filename*="utf-8''a%20b.bin"`, "a b.bin"],
    ["with a quote that nobody closes", 'attachment; filename="a.bin; size=7', "a.bin"],
    ["with a quote that nobody opened", 'attachment; filename=a.bin"', "a.bin"],
  ] as const
) {
  test(`97 a Content-Disposition ${what}: the file is ${name}`, async () => {
    await using scene = await withFields({ "Content-Disposition": field });
    const spec = { outputPath: undefined, outputDir: scene.directory.path } satisfies Partial<DownloadSpec>;
    await scene.download(spec).wait();
    await scene.assertLeft([name]);
  });
}

const MD5 = contentHash(SEED, SIZE, "md5");
const SHA256 = contentHash(SEED, SIZE, "sha256");
const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
const STALE = createHash("md5").update("the version before").digest("base64");
const STALE_SHA256 = createHash("sha256").update("the version before").digest("base64");

for (
  const [field, value] of [
    ["Content-MD5", STALE],
    ["Digest", `SHA-256=${STALE_SHA256}`],
    ["Repr-Digest", `sha-256=:${STALE_SHA256}:`],
    ["X-Goog-Hash", `crc32c=AAAAAA==,md5=${STALE}`],
    ["x-ms-blob-content-md5", STALE],
  ] as const
) {
  test(`100 a stale ${field}: the message says whose it is, and it can be ignored`, async () => {
    await using scene = await withFields({ [field]: value });
    const { error } = await scene.fail("checksum_mismatch", { maxConnections: 1, discardMismatch: true });
    assert.ok(error instanceof ChecksumMismatchError);
    const { host } = new URL(scene.server.url);
    assert.ok(error.message.includes(host), error.message);
    assert.ok(error.message.includes(field.toLowerCase()), error.message);
    assert.match(error.message, /publishedDigest/);
    const result = await scene.complete({ publishedDigest: false });
    assert.deepEqual([result.checksum, result.checksumSource], [undefined, undefined]);
  });
}

test("100 a checksum of the caller counts in place of a stale digest", async () => {
  await using scene = await withFields({ "Content-MD5": STALE });
  const result = await scene.complete({ checksum: `sha256:${SHA256}` });
  assert.equal(result.checksumSource, "checksum");
  await using wrong = await withFields({ "Content-MD5": base64(MD5) });
  const { error } = await wrong.fail("checksum_mismatch", { checksum: `md5:${"0".repeat(32)}` });
  assert.ok(!/publishedDigest|content-md5/.test(error.message), error.message);
});

test("100 --no-published-digest, for all files or for one of a list", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...FILE,
    respond: () => ({ headers: { "Content-Digest": `sha-256=:${STALE_SHA256}:` }, status: 200 }),
  });
  const { host } = new URL(server.url);
  const refused = await runBytehaul([server.url], { cwd: dir.path });
  assert.equal(refused.status, 1);
  assert.ok(refused.stderr.includes(host) && refused.stderr.includes("content-digest"), refused.stderr);
  assert.match(refused.stderr, /use --no-published-digest/);
  await writeFile(dir.join("list"), `${server.url}\n no-published-digest=true\n out=listed.bin\n`);
  for (const args of [["--no-published-digest", server.url], ["-i", "list"]]) {
    const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
    assert.equal(status, 0, stderr);
  }
  for (const name of ["file.bin", "listed.bin"]) await assertFileIs(dir.join(name), SEED, SIZE);
});

for (
  const [field, value, source] of [
    ["x-amz-checksum-sha256", base64(SHA256), `sha256:${SHA256}`],
    ["Docker-Content-Digest", `sha256:${SHA256}`, `sha256:${SHA256}`],
    ["Content-MD5", base64(MD5), `md5:${MD5}`],
  ] as const
) {
  test(`137 ${field} that comes only with the whole file is used where it comes`, async () => {
    const only = { headers: { [field]: value } };
    await using whole = await withFields(only.headers, { status: 200 });
    const result = await whole.complete({ maxConnections: 3 });
    assert.deepEqual([result.checksumSource, result.checksum], [field.toLowerCase(), source]);
    await using parts = await Scene.open({
      ...LARGE,
      respond: ({ range }) => range === undefined ? only : undefined,
    });
    assert.equal((await parts.complete({ maxConnections: 3 })).checksum, undefined);
  });
}

for (const [field, value] of [["Content-MD5", STALE], ["Docker-Content-Digest", `sha256:${SHA256}`]]) {
  test(`137 ${field} beside a part counts for nothing`, async () => {
    await using scene = await Scene.open({ ...LARGE, respond: () => ({ headers: { [field!]: value } }) });
    assert.equal((await scene.complete({ maxConnections: 2 })).checksum, undefined);
  });
}

test("137 x-ms-blob-content-md5 is of the whole blob, Content-MD5 of the part beside it", async () => {
  await using scene = await Scene.open({
    ...LARGE,
    respond: () => ({
      headers: {
        "x-ms-blob-content-md5": base64(contentHash(SEED, LARGE.size, "md5")),
        "Content-MD5": STALE,
      },
    }),
  });
  const result = await scene.complete({ maxConnections: 2 });
  assert.equal(result.checksumSource, "x-ms-blob-content-md5");
});

for (
  const [what, headers] of [
    ["a CRC of the whole object", {
      "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=",
      "x-amz-checksum-type": "FULL_OBJECT",
    }],
    ["a checksum of checksums", {
      "x-amz-checksum-sha256": STALE_SHA256,
      "x-amz-checksum-type": "COMPOSITE",
    }],
    ["a checksum of three parts", { "x-amz-checksum-sha256": `${STALE_SHA256}-3` }],
    ["an ETag that looks like MD5", { ETag: `"${createHash("md5").update("no").digest("hex")}"` }],
    ["a digest of a function that nobody knows", { "Docker-Content-Digest": "sha256t:00" }],
    ["a digest that is none", { "x-ms-blob-content-md5": "AAAA" }],
  ] as const
) {
  test(`137 ${what} is no digest of the file`, async () => {
    await using scene = await withFields(headers, { status: 200 });
    assert.equal((await scene.complete()).checksum, undefined);
  });
}

test("137 a hash of what is stored counts where that is sent", async () => {
  const headers = { "X-Goog-Hash": `md5=${base64(MD5)}`, "x-goog-stored-content-encoding": "gzip" };
  await using stored = await withFields({ ...headers, "Content-Encoding": "gzip" });
  const result = await stored.complete({ url: at(stored, "/a.csv.gz") });
  assert.equal(result.checksum, `md5:${MD5}`);
  await using decoded = await withFields({ ...headers, "X-Goog-Hash": `md5=${STALE}` });
  assert.equal((await decoded.complete()).checksum, undefined);
});

const sentBy = ({ server }: Scene, name: string): string | undefined =>
  Buffer.from(server.requests.at(-1)?.headers[name] ?? "", "latin1").toString();

for (
  const [form, headers] of [
    ["a record", { "X-Name": "naïve 文件 😀" }],
    ["a list", [["X-Name", "naïve 文件 😀"]]],
    ["a map", new Map([["X-Name", "naïve 文件 😀"]])],
    ["a Headers object, whose values are bytes", new Headers({ "X-Name": raw("naïve 文件 😀") })],
  ] as const
) {
  test(`128 header values beyond Latin-1 in ${form} are sent in UTF-8`, async () => {
    await using scene = await Scene.open(FILE);
    await scene.complete({ headers: headers as HeadersInit });
    assert.equal(sentBy(scene, "x-name"), "naïve 文件 😀");
  });
}

test("128 header values of Latin-1 are sent in UTF-8, too", async () => {
  await using scene = await Scene.open(FILE);
  await scene.complete({ headers: { "X-Name": "é" } });
  assert.equal(Buffer.from(scene.server.requests[0]!.headers["x-name"]!, "latin1").toString("hex"), "c3a9");
});

test("128 header values beyond Latin-1 reach proxies and later requests alike", async () => {
  await using scene = await Scene.open({ ...FILE, respond: ({ index }) => index === 0 ? SHORT : undefined });
  const { host } = new URL(scene.server.url);
  await scene.complete({ headers: { "X-Name": "文件" }, httpProxy: `http://${host}`, noProxy: "" });
  assert.equal(scene.server.requests.length, 2);
  for (const { headers } of scene.server.requests) assert.equal(headers["x-name"], raw("文件"));
});

test("128 header values beyond Latin-1 from the command, a file and a list", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start(FILE);
  await writeFile(dir.join("fields"), "X-File: 日本\nX-Other: ü\n");
  await writeFile(dir.join("list"), `${server.url}\n header=X-List: 文件 é\n referer=http://ü/\n`);
  const { status, stderr } = await runBytehaul(
    ["-H", "X-Name: naïve 😀", "-H", "@fields", "--cookie", "k=ü", "-i", "list"],
    { cwd: dir.path },
  );
  assert.equal(status, 0, stderr);
  const sent = server.requests[0]!.headers;
  const expected = {
    "x-name": "naïve 😀",
    "x-file": "日本",
    "x-other": "ü",
    "x-list": "文件 é",
    "referer": "http://ü/",
    "cookie": "k=ü",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(sent[name], raw(value), name);
});
