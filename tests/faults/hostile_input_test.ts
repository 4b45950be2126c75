import assert from "node:assert/strict";
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadErrorCode, type DownloadSpec } from "../../mod.ts";
import { Child, runBytehaul } from "../helpers/child.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 67;
const SIZE = 100_000;
const NO_LINKS = process.platform === "win32" && "symbolic links need rights on Windows";

async function download(spec: DownloadSpec): Promise<string> {
  await using downloader = new Downloader();
  return (await downloader.download({ ...SMALL_FILE, ...spec }).wait()).path;
}

/** What a server may suggest as a name, and the name that the file gets. */
const NAMES: readonly [row: number, suggested: string, name: string][] = [
  [67, "../../evil.bin", "evil.bin"],
  [67, "/etc/evil.bin", "evil.bin"],
  [67, "..\\..\\evil.bin", "evil.bin"],
  [67, "C:\\Windows\\evil.bin", "evil.bin"],
  [67, "C:evil.bin", "evil.bin"],
  [67, "evil.bin:stream", "evil.bin"],
  [67, "evil.bin::$DATA", "evil.bin"],
  [67, "..", "file.bin"],
  [67, "evil/", "file.bin"],
  [68, ".bashrc", "bashrc"],
  [68, "...profile", "profile"],
  [68, "-rf.sh", "rf.sh"],
  [68, "--output=x", "output=x"],
  [69, "NUL.txt", "_NUL.txt"],
  [69, "con", "_con"],
  [69, "Com1.tar.gz", "_Com1.tar.gz"],
  [69, "evil.bin. . ", "evil.bin"],
  [70, "e\x1b[31mvil.bin", "e[31mvil.bin"],
  [70, "e\r\nvil\0.bin", "evil.bin"],
  [70, "evil\u202egpj.exe", "evilgpj.exe"],
  [70, "e\u200bv\u2028il.bin", "evil.bin"],
  [71, "evil.part", "evil.part_"],
  [71, "evil.bytehaul", "evil.bytehaul_"],
  [71, "evil.Bytehaul.Lock", "evil.Bytehaul.Lock_"],
  [71, "evil.bytehaul.tmp", "evil.bytehaul.tmp_"],
];

for (const [row, suggested, name] of NAMES) {
  test(`${row}: the server's name ${JSON.stringify(suggested)} becomes "${name}"`, async () => {
    await using dir = await temporaryDirectory();
    await mkdir(dir.join("a", "b"), { recursive: true });
    const field = `attachment; filename*=UTF-8''${encodeURIComponent(suggested)}`;
    await using server = await FaultServer.start({
      size: SIZE,
      seed: SEED,
      respond: () => ({ headers: { "Content-Disposition": field } }),
    });
    const path = await download({ url: server.url, outputDir: dir.join("a", "b") });
    assert.equal(path, dir.join("a", "b", name));
    await assertFileIs(path, SEED, SIZE);
    assert.deepEqual(await dir.tree(), ["a", "a/b", `a/b/${name}`]);
  });
}

test("67: neither does a name in a URL leave the directory", async () => {
  await using dir = await temporaryDirectory();
  await mkdir(dir.join("a"));
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const url = new URL("/x/..%2f..%2f..%5c.evil%00.bin", server.url);
  assert.equal(await download({ url, outputDir: dir.join("a") }), dir.join("a", "evil.bin"));
  assert.deepEqual(await dir.list(), ["a"]);
});

test("70: what a server says is escaped in the command's output", { timeout: 30_000 }, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: SIZE,
    respond: () => ({ headers: { "Content-Encoding": "gz\x9b31mip" } }),
  });
  const { status, stdout, stderr } = await runBytehaul(["-d", dir.path, server.url]);
  assert.equal(status, 1);
  assert.match(stderr, /gz\\u\{9b\}31mip/);
  assert.doesNotMatch(stdout + stderr, /[^\P{Cc}\n]/u);
});

test("70: a path is escaped in the command's output", { timeout: 30_000, skip: NO_LINKS }, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const path = dir.join("e\x1b[31m\u202evil.bin");
  const { status, stderr } = await runBytehaul(["-o", path, server.url]);
  assert.equal(status, 0);
  assert.match(stderr, /e\\u\{1b\}\[31m\\u\{202e\}vil\.bin/);
  assert.doesNotMatch(stderr, /[^\P{Cc}\n]|\u202e/u);
  await assertFileIs(path, SEED, SIZE);
});

/** What stands at one of our paths, and what a download does about it. */
interface Obstacle {
  readonly suffix: string;
  readonly error?: DownloadErrorCode;
  /** With `overwrite`; without it, as above. */
  readonly overwriteError?: DownloadErrorCode;
}

const AT_FILES: readonly Obstacle[] = [
  { suffix: "", error: "output_exists" },
  { suffix: ".part", error: "output_exists" },
  { suffix: ".bytehaul" },
  { suffix: ".bytehaul.tmp" },
  { suffix: ".bytehaul.lock" },
];

const AT_LINKS: readonly Obstacle[] = [
  { suffix: "", error: "output_exists" },
  { suffix: ".part", error: "output_exists" },
  { suffix: ".bytehaul", error: "control_file", overwriteError: "control_file" },
  { suffix: ".bytehaul.tmp" },
  { suffix: ".bytehaul.lock", error: "storage", overwriteError: "storage" },
];

for (const { suffix, error } of AT_FILES) {
  const outcome = error === undefined ? "does not stop the download" : "is left alone unless asked";
  test(`72: a file of somebody else at out.bin${suffix} ${outcome}`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, seed: SEED });
    const path = dir.join("out.bin");
    await writeFile(path + suffix, "precious");
    const spec = { url: server.url, outputPath: path };
    if (error !== undefined) {
      // Again, because the first try must not have made the file look like our own.
      for (let run = 0; run < 2; run++) {
        await assert.rejects(download(spec), { code: error });
        assert.equal(await readFile(path + suffix, "utf8"), "precious");
        assert.deepEqual(await dir.list(), [`out.bin${suffix}`]);
      }
    }
    await download({ ...spec, overwrite: error !== undefined });
    await assertFileIs(path, SEED, SIZE);
    const kept = suffix === ".bytehaul" ? ["out.bin", "out.bin.bytehaul.bad"] : ["out.bin"];
    assert.deepEqual(await dir.list(), kept);
    if (suffix === ".bytehaul") assert.equal(await readFile(`${path}.bytehaul.bad`, "utf8"), "precious");
  });
}

for (const { suffix, error, overwriteError } of AT_LINKS) {
  for (const target of ["a file", "nothing", "a directory"] as const) {
    test(`72: a link to ${target} at out.bin${suffix} is not followed`, { skip: NO_LINKS }, async () => {
      await using dir = await temporaryDirectory();
      await using elsewhere = await temporaryDirectory();
      const victim = elsewhere.join("victim");
      if (target === "a file") await writeFile(victim, "precious");
      if (target === "a directory") await mkdir(victim);
      const before = await describe(elsewhere.path);
      await using server = await FaultServer.start({ size: SIZE, seed: SEED });
      const path = dir.join("out.bin");
      await symlink(victim, path + suffix);
      const spec = { url: server.url, outputPath: path };

      for (const overwrite of [false, true]) {
        const wanted = overwrite ? overwriteError : error;
        const running = download({ ...spec, overwrite });
        if (wanted === undefined) {
          await running;
          await assertFileIs(path, SEED, SIZE);
          assert.equal((await lstat(path)).isSymbolicLink(), false);
          assert.deepEqual(await dir.list(), ["out.bin"]);
        } else {
          await assert.rejects(running, { code: wanted });
          assert.equal(await readlink(path + suffix), victim);
          assert.deepEqual(await dir.list(), [`out.bin${suffix}`]);
        }
        assert.deepEqual(await describe(elsewhere.path), before);
      }
    });
  }
}

/** Names, kinds and contents in a directory. */
async function describe(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return await Promise.all(
    entries.map(async (entry) =>
      entry.isFile()
        ? `${entry.name}: ${await readFile(`${path}/${entry.name}`, "utf8")}`
        : `${entry.name}, directory: ${entry.isDirectory()}`
    ),
  );
}

test("72: a link that appears at the control file's temporary name while running is not followed", {
  skip: NO_LINKS,
}, async () => {
  await using dir = await temporaryDirectory();
  const victim = dir.join("victim");
  await writeFile(victim, "precious");
  await using server = await FaultServer.start({
    size: 2_000_000,
    seed: SEED,
    respond: () => ({ throttle: 8_000_000 }),
  });
  const path = dir.join("out.bin");
  const running = download({ url: server.url, outputPath: path, controlSaveIntervalMs: 5 });
  await server.until(() => server.bytesServed >= 200_000);
  await symlink(victim, `${path}.bytehaul.tmp`).catch(() => {}); // it is being used just now
  await running;
  assert.equal(await readFile(victim, "utf8"), "precious");
  await assertFileIs(path, SEED, 2_000_000);
});

const BAD_HEADERS: readonly HeadersInit[] = [
  { "X-Evil": "a\r\nX-Injected: yes" },
  { "X-Evil": "a\nb" },
  { "X-Evil\r\nX-Injected": "yes" },
  { "X Evil": "a" },
  { "": "a" },
  { "X-Evil": "a\0b" },
  [["X-Evil", "\u{1f600}\x1b"]],
];

for (const headers of BAD_HEADERS) {
  test(`73: the headers ${JSON.stringify(headers)} are refused before use`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE });
    await using downloader = new Downloader();
    const spec = { url: server.url, outputDir: dir.path };
    assert.throws(() => downloader.download({ ...spec, headers }), TypeError);
    assert.throws(() => new Downloader({ defaults: { headers } }), TypeError);
    assert.equal(server.connections, 0);
    assert.deepEqual(await dir.list(), []);
  });
}

test("73: the command refuses a header with a line break", { timeout: 30_000 }, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  await using child = Child.bytehaul(["-H", "X-Evil: a\r\nX-Injected: yes", "-d", dir.path, server.url]);
  const { status, stderr } = await child.ended;
  assert.equal(status, 2);
  assert.match(stderr, /^bytehaul: Cannot use -H [^\n]+\n$/);
  assert.equal(server.connections, 0);
});

const HUGE_SIZES: Readonly<Record<string, readonly [size: string, code: DownloadErrorCode]>> = {
  "2^53": [`${2 ** 53}`, "bad_response"],
  "2^64": ["18446744073709551616", "bad_response"],
  "far more digits": ["9".repeat(400), "bad_response"],
  "more than any disk has": [`${2 ** 52}`, "disk_full"],
};

for (const [what, [size, code]] of Object.entries(HUGE_SIZES)) {
  for (const fileAllocation of ["none", "prealloc"] as const) {
    test(`78: a file of ${what} bytes (allocation: ${fileAllocation}) is refused, and leaves nothing`, async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({
        size: SIZE,
        respond: () => ({ status: 206, headers: { "Content-Range": `bytes 0-${SIZE - 1}/${size}` } }),
      });
      await assert.rejects(download({ url: server.url, outputDir: dir.path, fileAllocation }), { code });
      // What cannot be counted is asked for once more without a range.
      assert.equal(server.requests.length, code === "bad_response" ? 2 : 1);
      assert.deepEqual(await dir.list(), []);
    });
  }

  test(`78: a length of ${what} bytes and no ranges is refused, and leaves nothing`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      size: SIZE,
      respond: () => ({ status: 200, headers: { "Content-Length": size }, bodyLength: 1000 }),
    });
    // A runtime may refuse such a response by itself.
    await assert.rejects(download({ url: server.url, outputDir: dir.path, maxRetries: 0 }), (error) => {
      assert.ok(error instanceof DownloadError);
      assert.ok([code, "network"].includes(error.code), error.message);
      return true;
    });
    assert.deepEqual(await dir.list(), []);
  });
}

const LONG_FIELDS: Readonly<Record<string, (long: string) => Reply>> = {
  "Content-Encoding": (long) => ({ headers: { "Content-Encoding": long } }),
  "Content-Range": (long) => ({ status: 206, headers: { "Content-Range": long } }),
  "Location": (long) => ({ status: 302, headers: { Location: `${long}:x` } }),
};

for (const [name, answer] of Object.entries(LONG_FIELDS)) {
  test(`125 a ${name} of 100,000 letters costs no time, and no message repeats it`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, respond: () => answer("x".repeat(100_000)) });
    const messages: string[] = [];
    await using downloader = new Downloader({ logger: (_, message) => void messages.push(message) });
    const handle = downloader.download({ ...SMALL_FILE, url: server.url, outputDir: dir.path });
    const startedMs = performance.now();
    await assert.rejects(handle.wait(), (error: Error) => messages.push(error.message) > 0);
    assert.ok(performance.now() - startedMs < 4000, `${performance.now() - startedMs} ms`);
    for (const message of messages) assert.ok(message.length < 500, `${message.length} characters`);
  });
}
