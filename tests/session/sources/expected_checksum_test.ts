// Checksums from where people publish them: lists, and what servers send.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { download, type DownloadResult, type DownloadSpec } from "../../../mod.ts";
import { contentHash } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { Interrupted } from "../../helpers/scenes/interrupted.ts";
import { queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Scene } from "../../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 5;
const SIZE = 200_000;
const digest = (algorithm: string): string => contentHash(SEED, SIZE, algorithm);
const SHA256 = digest("sha256");
const WRONG = createHash("sha256").update("another file").digest("hex");
const LIST = `${WRONG}  other.bin\n${SHA256}  file.bin\n`;
const TOO_LARGE = 16 * 1024 * 1024 + 1;

const openScene = (respond?: Scene["respond"]) => Scene.open({ size: SIZE, seed: SEED, respond });

/** Answers requests for the list with `reply`, and others correctly. */
const withList = (reply: Reply) => ({ path }: RecordedRequest) => path === "/SUMS" ? reply : undefined;

const listUrl = ({ server }: Scene): string => new URL("/SUMS", server.url).href;

const listRequests = ({ server }: Scene) => server.requests.filter(({ path }) => path === "/SUMS");

const shown = ({ checksum, checksumSource }: DownloadResult): string => `${checksumSource} ${checksum}`;

const CREDENTIALS = {
  headers: { "x-key": "secret" },
  username: "me",
  password: "pw",
  cookies: "127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsecret\n",
} as const satisfies Partial<DownloadSpec>;

test("a list on the same origin is asked for with the caller's credentials", async () => {
  await using scene = await openScene(withList({ body: LIST }));
  const result = await scene.complete({ ...CREDENTIALS, checksumFile: listUrl(scene) });
  assert.equal(shown(result), `checksumFile sha256:${SHA256}`);
  const [request, ...others] = listRequests(scene);
  assert.equal(others.length, 0);
  const { authorization, cookie, "x-key": key } = request!.headers;
  assert.deepEqual([authorization, cookie, key], ["Basic bWU6cHc=", "session=secret", "secret"]);
});

test("a list on another origin is asked for without the caller's credentials", async () => {
  await using scene = await openScene();
  await using other = await FaultServer.start({ size: 1, respond: () => ({ body: LIST }) });
  const result = await scene.complete({ ...CREDENTIALS, checksumFile: new URL(other.url) });
  assert.equal(shown(result), `checksumFile sha256:${SHA256}`);
  const { authorization, cookie, "x-key": key } = other.requests[0]!.headers;
  assert.deepEqual([authorization, cookie, key], [undefined, undefined, undefined]);
});

test("a list that redirects to another origin takes no credentials there", async () => {
  await using other = await FaultServer.start({ size: 1, respond: () => ({ body: LIST }) });
  await using scene = await openScene(withList({ status: 302, headers: { location: other.url } }));
  const result = await scene.complete({ ...CREDENTIALS, checksumFile: listUrl(scene) });
  assert.equal(shown(result), `checksumFile sha256:${SHA256}`);
  assert.equal(other.requests[0]!.headers["x-key"], undefined);
  assert.equal(other.requests[0]!.headers.authorization, undefined);
});

for (
  const [what, list, algorithm] of [
    ["as sha256sum writes it", LIST, "sha256"],
    [
      "in BSD style",
      `MD5 (other.bin) = ${digest("md5")}\nSHA512 (file.bin) = ${digest("sha512")}\n`,
      "sha512",
    ],
    [
      "with several functions",
      `MD5 (file.bin) = ${digest("md5")}\nSHA1 (file.bin) = ${digest("sha1")}`,
      "sha1",
    ],
    ["of one lone digest", `${SHA256}\n`, "sha256"],
  ] as const
) {
  test(`a list at a path is used: ${what}`, async () => {
    await using dir = await temporaryDirectory();
    await writeFile(dir.join("SUMS"), list);
    for (const checksumFile of [dir.join("SUMS"), pathToFileURL(dir.join("SUMS"))]) {
      await using again = await openScene();
      assert.equal(
        shown(await again.complete({ checksumFile })),
        `checksumFile ${algorithm}:${digest(algorithm)}`,
      );
    }
  });
}

test("the line is found by the name in the URL, else by the name that the file gets", async () => {
  await using scene = await openScene();
  await using dir = await temporaryDirectory();
  const checksumFile = dir.join("SUMS");
  const find = async (list: string, name: string) => {
    await writeFile(checksumFile, list);
    const handle = scene.download({ checksumFile, outputPath: scene.directory.join(name) });
    return (await handle.wait()).checksum;
  };
  assert.equal(await find(LIST, "saved-as"), `sha256:${SHA256}`);
  assert.equal(await find(`${SHA256}  kept.iso\n`, "kept.iso"), `sha256:${SHA256}`);
  assert.equal(await find(`${SHA256}  file.bin\n${WRONG}  both.iso\n`, "both.iso"), `sha256:${SHA256}`);
});

test("the line is found by the name that the server gives", async () => {
  await using scene = await openScene(() => ({
    headers: { "content-disposition": 'attachment; filename="real.iso"' },
  }));
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("SUMS"), `${SHA256}  real.iso\n`);
  const handle = scene.download({
    url: new URL("/download?id=1", scene.server.url),
    outputPath: undefined,
    outputDir: scene.directory.path,
    checksumFile: dir.join("SUMS"),
  });
  const result = await handle.wait();
  assert.equal(basename(result.path), "real.iso");
  assert.equal(shown(result), `checksumFile sha256:${SHA256}`);
});

test("a list without a line for the file fetches nothing and leaves nothing", async () => {
  await using scene = await openScene(withList({ body: `${SHA256}  other.bin\n` }));
  const { error } = await scene.fail("checksum_list", {
    checksumFile: listUrl(scene),
    outputPath: scene.directory.join("kept.bin"),
  });
  assert.equal(
    error.message,
    'Cannot use the checksum list: "SUMS" has no line for "file.bin" or "kept.bin"',
  );
  assert.equal(error.retryable, false);
  assert.deepEqual(scene.server.requests.map(({ path }) => path), ["/SUMS"]);
  await scene.assertLeft([]);
});

test("a list without a line leaves nothing where the server was asked for the name", async () => {
  await using scene = await openScene(withList({ body: "nothing\n" }));
  const handle = scene.download({
    outputPath: undefined,
    outputDir: scene.directory.path,
    checksumFile: listUrl(scene),
  });
  const { error } = await scene.failed("checksum_list", handle);
  assert.match(error.message, /has no line for "file\.bin"$/);
  await scene.assertLeft([]);
});

test("a list with two different digests for the file is refused", async () => {
  await using scene = await openScene(withList({ body: `${SHA256}  a/file.bin\n${WRONG}  b/file.bin\n` }));
  const { error } = await scene.fail("checksum_list", { checksumFile: listUrl(scene) });
  assert.match(error.message, /two different sha256 digests for "file\.bin"$/);
});

for (
  const [what, reply, message, retryable] of [
    ["is not there", { status: 404 }, /^Cannot fetch the checksum list: the server answered 404 /, false],
    [
      "is an empty answer",
      { status: 204 },
      /^Cannot use the checksum list: "SUMS" has no line for "file\.bin"$/,
      false,
    ],
    ["is cut short", { body: LIST, cutAfter: 100 }, /^Cannot fetch the checksum list: /, true],
    [
      "is too large",
      { body: " ".repeat(TOO_LARGE) },
      /^Cannot use the checksum list: it is larger than /,
      false,
    ],
    [
      "is encoded",
      { body: LIST, headers: { "content-encoding": "gzip" } },
      /^Cannot fetch the checksum list: it is encoded as "gzip"/,
      false,
    ],
    [
      "redirects without end",
      { status: 302, headers: { location: "/SUMS" } },
      /^Cannot fetch the checksum list: /,
      false,
    ],
  ] as const
) {
  test(`a list that ${what} ends the download before it begins`, async () => {
    await using scene = await openScene(withList(reply));
    const { error } = await scene.fail("checksum_list", { checksumFile: listUrl(scene), maxRetries: 1 });
    assert.match(error.message, message);
    assert.equal(error.retryable, retryable);
    assert.ok(scene.server.requests.every(({ path }) => path === "/SUMS"));
    await scene.assertLeft([]);
  });
}

test("a list that is shorter than it says is not used, though the runtime takes it for whole", async () => {
  const cut = () => Promise.resolve(new Response(LIST, { headers: { "content-length": "500" } }));
  const runtime = runtimeWith({
    client: (real) => ({
      get: (url, options) => url.endsWith("/SUMS") ? cut() : real.get(url, options),
      close: () => real.close(),
    }),
  });
  const queue = queueOn(runtime);
  const starter = { download: (spec: DownloadSpec) => queue.add(spec), close: () => queue.close() };
  await using scene = await Scene.open({ size: SIZE, seed: SEED }, () => starter);
  const { error } = await scene.fail("checksum_list", { checksumFile: listUrl(scene), maxRetries: 1 });
  assert.equal(error.message, "Cannot fetch the checksum list: it was cut short");
  assert.equal(error.retryable, true);
});

test("a list that fails for a moment is asked for again", async () => {
  const replies: Reply[] = [{ status: 503 }, { body: LIST, cutAfter: 100 }, { body: LIST }];
  await using scene = await openScene(({ path }) => path === "/SUMS" ? replies.shift() : undefined);
  assert.equal(
    shown(await scene.complete({ checksumFile: listUrl(scene) })),
    `checksumFile sha256:${SHA256}`,
  );
  assert.equal(listRequests(scene).length, 3);
});

test("a list that cannot be read ends the download before it begins", async () => {
  await using scene = await openScene();
  const checksumFile = scene.directory.join("none");
  const { error } = await scene.fail("storage", { checksumFile });
  assert.equal(error.message, `Cannot read "${checksumFile}": it does not exist`);
  assert.equal(scene.server.requests.length, 0);
  await scene.assertLeft([]);
});

test("a download is stopped while it waits for its list", async () => {
  await using scene = await openScene(withList({ never: true }));
  const handle = scene.download({ checksumFile: listUrl(scene) });
  await scene.server.until(() => listRequests(scene).length === 1);
  handle.cancel();
  await assert.rejects(handle.wait(), { code: "cancelled" });
  await handle.closed;
  await scene.assertLeft([]);
});

test("a file that is not the one in the list never gets its name", async () => {
  await using scene = await openScene(withList({ body: `${WRONG}  file.bin\n` }));
  const { error } = await scene.fail("checksum_mismatch", { checksumFile: listUrl(scene) });
  assert.ok(error.message.includes(SHA256) && error.message.includes(WRONG));
  await scene.assertLeft(["file.bin.mismatch"]);
});

test("a resumed download is checked against its list", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { seed, size } = left.server.version;
  const sha256 = contentHash(seed, size, "sha256");
  left.respond = ({ path }) => path === "/SUMS" ? { body: `${sha256}  out.bin\n` } : undefined;
  const result = await left.resume({ checksumFile: new URL("/SUMS", left.server.url) });
  assert.equal(shown(result), `checksumFile sha256:${sha256}`);
  assert.equal(result.resumedBytes, left.saved);
});

test("checksum options that cannot be are refused at once", () => {
  const url = "https://example.com/file";
  const refused = (spec: Partial<DownloadSpec>, message: RegExp) =>
    assert.throws(() => download({ url, ...spec }), { name: "TypeError", message });
  refused({ checksum: `sha256:${SHA256}`, checksumFile: "SUMS" }, /both checksum and checksumFile/);
  for (
    const checksumFile of ["https://me:hunter2@example.com/SUMS", new URL("https://me@example.com/SUMS")]
  ) {
    assert.throws(() => download({ url, checksumFile }), (error: Error) => {
      assert.match(error.message, /^Cannot use checksumFile: a user name or a password in its URL/);
      assert.ok(error instanceof TypeError && !error.message.includes("hunter2"));
      return true;
    });
  }
  refused({ checksumFile: "" }, /checksumFile "": it is empty/);
  refused({ checksumFile: "https://" }, /Cannot use the URL/);
});

const base64 = (algorithm: string): string => Buffer.from(digest(algorithm), "hex").toString("base64");
const WRONG_64 = Buffer.from(WRONG, "hex").toString("base64");

/** Header fields of a server, and what they say of the file. */
const FIELDS: readonly (readonly [field: string, value: string, algorithm: string])[] = [
  ["Repr-Digest", `sha-256=:${base64("sha256")}:`, "sha256"],
  ["Content-Digest", `sha-512=:${base64("sha512")}:`, "sha512"],
  ["Digest", `SHA-256=${base64("sha256")}`, "sha256"],
  ["Content-MD5", base64("md5"), "md5"],
  ["X-Goog-Hash", `crc32c=AAAAAA==,md5=${base64("md5")}`, "md5"],
  ["X-Amz-Checksum-SHA256", base64("sha256"), "sha256"],
  ["X-Amz-Checksum-SHA1", base64("sha1"), "sha1"],
];

for (const status of [200, 206]) {
  for (const [field, value, algorithm] of FIELDS) {
    test(`a ${status} with ${field} is checked against it, and the result says so`, async () => {
      await using scene = await openScene(() => ({ status, headers: { [field]: value } }));
      assert.equal(shown(await scene.complete()), `${field.toLowerCase()} ${algorithm}:${digest(algorithm)}`);
    });

    test(`a ${status} with a wrong ${field} never gives the final name`, async () => {
      const wrong = value.replace(base64(algorithm), createHash(algorithm).update("x").digest("base64"));
      await using scene = await openScene(() => ({ status, headers: { [field]: wrong } }));
      const { error } = await scene.fail("checksum_mismatch");
      assert.ok(error.message.includes(digest(algorithm)), error.message);
      await scene.assertLeft(["file.bin.mismatch"]);
    });
  }
}

for (
  const [what, headers, expected] of [
    ["nothing", {}, undefined],
    [
      "a malformed digest",
      { "repr-digest": "sha-256=:AAAA:", "digest": "====", "content-md5": "?" },
      undefined,
    ],
    ["a digest of an unknown function", { "repr-digest": "unixsum=:AAAA:" }, undefined],
    [
      "a checksum of an upload in parts",
      { "x-amz-checksum-sha256": WRONG_64, "x-amz-checksum-type": "COMPOSITE" },
      undefined,
    ],
    ["a checksum of parts by its form", { "x-amz-checksum-sha256": `${WRONG_64}-3` }, undefined],
    [
      "several fields, of which the strongest counts",
      {
        "content-md5": base64("md5"),
        "repr-digest": `sha-256=:${base64("sha256")}:`,
        "digest": `sha-512=${base64("sha512")}`,
      },
      `digest sha512:${digest("sha512")}`,
    ],
    [
      "a malformed field beside a good one",
      { "repr-digest": "sha-512=:AAAA:", "content-md5": base64("md5") },
      `content-md5 md5:${digest("md5")}`,
    ],
  ] as const
) {
  test(`a server sends ${what}`, async () => {
    await using scene = await openScene(() => ({ headers }));
    const { checksum, checksumSource } = await scene.complete();
    assert.equal(checksum && `${checksumSource} ${checksum}`, expected);
  });
}

test("digests of a part are not taken for those of the file", async () => {
  const headers = {
    "content-digest": `sha-256=:${WRONG_64}:`,
    "content-md5": createHash("md5").update("a part").digest("base64"),
  };
  const size = 3 * 2 ** 20;
  await using scene = await Scene.open({ size, seed: SEED, respond: () => ({ headers }) });
  assert.equal((await scene.complete({ maxConnections: 2 })).checksum, undefined);
  assert.ok(scene.server.requests[0]!.range!.end < size, "the first request asked for all of it");
});

test("a digest that came with an empty file's 416 is that of the error page", async () => {
  await using scene = await Scene.open({
    size: 0,
    respond: () => ({
      status: 416,
      headers: { "content-range": "bytes */0", "repr-digest": `sha-256=:${WRONG_64}:` },
    }),
  });
  assert.equal((await scene.complete()).checksum, undefined);
});

test("what the caller says goes before what the server says", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("SUMS"), LIST);
  for (
    const [option, value] of [["checksum", `sha256:${SHA256}`], ["checksumFile", dir.join("SUMS")]] as const
  ) {
    await using scene = await openScene(() => ({ headers: { "repr-digest": `sha-256=:${WRONG_64}:` } }));
    assert.equal(shown(await scene.complete({ [option]: value })), `${option} sha256:${SHA256}`);
  }
});

test("a resumed file that fails the server's digest is fetched from scratch, once", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { seed, size } = left.server.version;
  const right = Buffer.from(contentHash(seed, size, "sha256"), "hex").toString("base64");
  const first = left.server.requests.length;
  left.respond = ({ index }) => ({
    headers: { "repr-digest": `sha-256=:${index === first ? WRONG_64 : right}:` },
  });
  const lines: string[] = [];
  const result = await left.resume({}, { logger: (_, line) => void lines.push(line) });
  assert.equal(shown(result), `repr-digest sha256:${contentHash(seed, size, "sha256")}`);
  assert.equal(result.resumedBytes, 0);
  assert.equal(
    lines.filter((line) => /earlier run left may be to blame; restarting/.test(line)).length,
    1,
  );
});

test("a resumed file that fails the server's digest twice is given up, and kept as evidence alone", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  left.respond = () => ({ headers: { "repr-digest": `sha-256=:${WRONG_64}:` } });
  const before = left.server.bytesServed;
  await assert.rejects(left.resume(), { code: "checksum_mismatch" });
  const fetched = left.server.bytesServed - before;
  assert.ok(fetched < 2 * left.server.version.size, `${fetched} bytes were fetched again`);
  assert.deepEqual(await dir.list(), ["out.bin.mismatch"]);
});
