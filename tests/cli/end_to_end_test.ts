// The command as its users run it: a process of its own, a real server, real files.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile, writeFile } from "node:fs/promises";
import { sep } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ChildEnd, runBytehaul } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { VERSION } from "../../src/version.ts";

const SEED = 21;
const SIZE = 500_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const IN_A_CHILD = { timeout: 60_000 };

/** A server whose file has every name but those with "missing" in them, and a directory to run in. */
class Place implements AsyncDisposable {
  readonly server: FaultServer;
  readonly dir: TemporaryDirectory;

  private constructor(server: FaultServer, dir: TemporaryDirectory) {
    this.server = server;
    this.dir = dir;
  }

  static async open(): Promise<Place> {
    const server = await FaultServer.start({
      size: SIZE,
      seed: SEED,
      respond: ({ path }) => path.includes("missing") ? { status: 404 } : undefined,
    });
    return new Place(server, await temporaryDirectory());
  }

  url(path: string): string {
    return new URL(path, this.server.url).href;
  }

  run(...args: readonly string[]): Promise<ChildEnd> {
    return runBytehaul(args, { cwd: this.dir.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
    await this.server.stop();
  }
}

test("a file is fetched and told of in one line on standard error", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const { status, stdout, stderr } = await place.run("--checksum", CHECKSUM, place.url("/disk.iso?key=1"));
  assert.deepEqual([status, stdout], [0, ""]);
  // The last line and no other: nothing was drawn into the pipe.
  assert.match(stderr, /^saved disk\.iso \(488 KiB, [\d.]+ \w+\/s, sha256 matches\)\n$/);
  await assertFileIs(place.dir.join("disk.iso"), SEED, SIZE);
  assert.deepEqual(await place.dir.list(), ["disk.iso"]);
});

test("--output and --dir make the directories they name", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const { status, stderr } = await place.run("-d", "a", "-o", "b/out.bin", place.url("/disk.iso"));
  assert.equal(status, 0, stderr);
  await assertFileIs(place.dir.join("a", "b", "out.bin"), SEED, SIZE);
});

test("--json writes one object a line, progress and the result", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const { status, stdout, stderr } = await place.run("--json", "-o", "out.bin", place.url("/disk.iso?key=1"));
  assert.deepEqual([status, stderr], [0, ""]);
  assert.ok(stdout.endsWith("\n"));
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const subject = { url: place.url("/disk.iso"), index: 0 };
  for (const line of lines) assert.deepEqual({ url: line.url, index: line.index }, subject);
  assert.deepEqual(lines.slice(0, -1).map(({ type }) => type), Array(lines.length - 1).fill("progress"));
  const { state, downloaded } = lines.at(-2);
  assert.deepEqual([state, downloaded], ["completed", SIZE]);
  const { elapsedMs, ...result } = lines.at(-1);
  assert.ok(elapsedMs > 0);
  assert.deepEqual(result, {
    type: "result",
    ...subject,
    path: "out.bin",
    size: SIZE,
    fetchedBytes: SIZE,
    resumedBytes: 0,
    lengthVerified: true,
  });
});

test("--checksum-file finds the line of each file, and the last line says so", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const sha256 = contentHash(SEED, SIZE, "sha256");
  const wrong = sha256.replace(/^./, (digit) => digit === "0" ? "1" : "0");
  await writeFile(place.dir.join("SUMS"), `${sha256}  a.bin\n${wrong}  b.bin\n`);
  const urls = ["/a.bin", "/b.bin", "/c.bin"].map((path) => place.url(path));
  const { status, stderr } = await place.run("--checksum-file", "SUMS", ...urls);
  assert.equal(status, 1);
  assert.match(stderr, /^saved a\.bin \([^\n]*, sha256 matches \(checksum file\)\)$/m);
  assert.match(stderr, /\/b\.bin: Cannot finish "b\.bin": the checksum of what came from .* is /);
  assert.match(stderr, /\/c\.bin: Cannot use the checksum list: "SUMS" has no line for "c\.bin"$/m);
  assert.deepEqual(await place.dir.list(), ["SUMS", "a.bin", "b.bin.mismatch"]);
});

test("a digest that the server sends is checked and told", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  const digest = Buffer.from(contentHash(SEED, SIZE, "sha256"), "hex").toString("base64");
  const headers = { "repr-digest": `sha-256=:${digest}:` };
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => ({ headers }) });
  const shown = await runBytehaul([server.url], { cwd: dir.path });
  assert.match(shown.stderr, /^saved file\.bin \([^\n]*, sha256 matches \(repr-digest\)\)\n$/);
  const { stdout } = await runBytehaul(["--json", "-q", "-o", "b", server.url], { cwd: dir.path });
  const { checksum, checksumSource } = JSON.parse(stdout);
  assert.deepEqual([checksum, checksumSource], [CHECKSUM, "repr-digest"]);
});

test("--insecure is warned of once", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const { status, stderr } = await place.run("--insecure", place.url("/a.bin"));
  assert.equal(status, 0, stderr);
  assert.equal(stderr.match(/warning/g)?.length, 1, stderr);
  assert.match(stderr, /^bytehaul: warning: certificates are not verified: /);
});

test("verify checks what was fetched, and what is left of an interrupted download", IN_A_CHILD, async () => {
  await using place = await Place.open();
  await place.run(place.url("/a.bin"));
  const right = await place.run("verify", "--checksum", CHECKSUM, "a.bin");
  assert.deepEqual(right, { status: 0, stdout: "", stderr: "verified a.bin (488 KiB, sha256 matches)\n" });
  await writeFile(place.dir.join("SUMS"), `${CHECKSUM.slice(7)}  a.bin\n${CHECKSUM.slice(7)}  b.bin\n`);
  const listed = await place.run("verify", "--json", "-q", "--checksum-file", "SUMS");
  assert.equal(listed.status, 1);
  const ends = listed.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(ends.map(({ type, path, matches, code }) => [type, path, matches ?? code]), [
    ["result", "a.bin", true],
    ["error", "b.bin", "storage"],
  ]);
  assert.equal(listed.stderr, 'bytehaul: Cannot read "b.bin": it does not exist\n');
  assert.equal((await place.run("verify")).status, 2);
  assert.equal((await place.run("verify", "--checksum", "crc9:00", "a.bin")).status, 2);
});

test("verify tells of an unfinished download, which then goes on", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { status, stdout } = await runBytehaul(["verify", "--json", "-q", "out.bin"], { cwd: dir.path });
  const { source, provenBytes, wrongBytes, missingBytes, size } = JSON.parse(stdout);
  assert.deepEqual([status, source, provenBytes, wrongBytes], [1, "controlFile", left.saved, 0]);
  assert.equal(provenBytes + missingBytes, size);
  assert.equal((await left.resume()).resumedBytes, left.saved);
});

test("several files are fetched in one call, and one that fails stops no other", IN_A_CHILD, async () => {
  await using place = await Place.open();
  const urls = ["/a.bin", "/missing.bin", "/b.bin"].map((path) => place.url(path));
  const { status, stdout, stderr } = await place.run("-d", "files", ...urls);
  assert.deepEqual([status, stdout], [1, ""]);
  const lines = stderr.trimEnd().split("\n").sort();
  assert.equal(lines.length, 4, stderr);
  assert.equal(lines.shift(), "bytehaul: 2 of 3 files saved");
  assert.match(lines[0]!, /^bytehaul: http:\/\/[\d.:]+\/missing\.bin: Cannot [^\n]*404/);
  assert.match(lines[1]!, /^saved files.a\.bin /);
  assert.match(lines[2]!, /^saved files.b\.bin /);
  for (const name of ["a.bin", "b.bin"]) await assertFileIs(place.dir.join("files", name), SEED, SIZE);
});

test(
  "--json tells of each file how it ended, and of failures on standard error too",
  IN_A_CHILD,
  async () => {
    await using place = await Place.open();
    const urls = [place.url("/missing.bin"), place.url("/b.bin")];
    const { status, stdout, stderr } = await place.run("--json", "-q", ...urls);
    assert.equal(status, 1);
    assert.match(stderr, /^bytehaul: http:[^\n]*\/missing\.bin: Cannot [^\n]*404[^\n]*\n$/);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const ends = lines.map(({ type, index, code, path }) => ({ type, index, end: code ?? path }));
    assert.deepEqual(ends.sort((a, b) => a.index - b.index), [
      { type: "error", index: 0, end: "http_status" },
      { type: "result", index: 1, end: "b.bin" },
    ]);
  },
);

test("--quiet says nothing when all is well, and tells of a failure", IN_A_CHILD, async () => {
  await using place = await Place.open();
  assert.deepEqual(await place.run("-q", place.url("/a.bin")), { status: 0, stdout: "", stderr: "" });
  await assertFileIs(place.dir.join("a.bin"), SEED, SIZE);
  const failed = await place.run("-q", place.url("/missing.bin"));
  assert.deepEqual([failed.status, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /^bytehaul: Cannot [^\n]*404[^\n]*\n$/);
});

test("a file that is there is not replaced unless asked", IN_A_CHILD, async () => {
  await using place = await Place.open();
  await writeFile(place.dir.join("a.bin"), "mine");
  const refused = await place.run(place.url("/a.bin"));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^bytehaul: Cannot write "a\.bin": it exists already; [^\n]+\n$/);
  assert.equal(await readFile(place.dir.join("a.bin"), "utf8"), "mine");
  assert.equal((await place.run("--overwrite", place.url("/a.bin"))).status, 0);
  await assertFileIs(place.dir.join("a.bin"), SEED, SIZE);
  assert.deepEqual(await place.dir.list(), ["a.bin"]);
});

test("--help and --version answer on standard output", IN_A_CHILD, async () => {
  await using place = await Place.open();
  for (const flag of ["--help", "-h"]) {
    const { status, stdout, stderr } = await place.run(flag, place.url("/a.bin"));
    assert.deepEqual([status, stderr], [0, ""]);
    for (const heading of ["Output", "Transfer", "Retries and time", "HTTP", "Reporting"]) {
      assert.match(stdout, new RegExp(`^${heading}`, "m"));
    }
  }
  for (const flag of ["--version", "-V"]) {
    const answer = { status: 0, stdout: `bytehaul ${VERSION}\n`, stderr: "" };
    assert.deepEqual(await place.run(flag, place.url("/a.bin")), answer);
  }
  assert.equal(place.server.connections, 0);
  assert.deepEqual(await place.dir.list(), []);
});

test("standard output that is full is told of in one line", {
  ...IN_A_CHILD,
  skip: process.platform !== "linux" && "only Linux has a device that is always full",
}, async () => {
  await using place = await Place.open();
  const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
  const command = "Deno" in globalThis ? ["run", "-A", cli] : [cli];
  const full = await open("/dev/full", "w");
  try {
    for (const args of [["--help"], ["--version"], ["--json", "-o", "a.bin", place.url("/a.bin")]]) {
      const child = spawn(process.execPath, [...command, ...args], {
        cwd: place.dir.path,
        stdio: ["ignore", full.fd, "pipe"],
      });
      let stderr = "";
      child.stderr?.setEncoding("utf8").on("data", (text) => stderr += text);
      const [status] = await once(child, "close");
      assert.deepEqual([status, stderr], [1, "bytehaul: Cannot write to standard output: no space left\n"]);
    }
  } finally {
    await full.close();
  }
  await assertFileIs(place.dir.join("a.bin"), SEED, SIZE);
});

test("a host that Deno gives no access to is asked for once", {
  ...IN_A_CHILD,
  skip: !("Deno" in globalThis) && "only Deno has permissions",
}, async () => {
  await using place = await Place.open();
  const options = { cwd: place.dir.path, denoFlags: ["--no-prompt", "--allow-read=.", "--allow-write=."] };
  const { status, stderr } = await runBytehaul(["-v", place.url("/a.bin")], options);
  assert.equal(status, 1);
  // Nothing but the failure: no word of another try.
  assert.match(stderr, /^bytehaul: Cannot reach [^\n]*; run it with --allow-net=[\d.:]+\n$/);
  assert.deepEqual(await place.dir.list(), []);
});

interface BadInput {
  /** `GOOD` stands for a URL of the server. */
  readonly args: readonly string[];
  /** The value, as the message names it. */
  readonly names: string;
  /** What would be right. */
  readonly remedy: RegExp;
}

const SHORT = CHECKSUM.slice(0, -1);
const BAD_INPUT: Readonly<Record<string, BadInput>> = {
  "no URL": { args: [], names: "without a URL", remedy: /expected one or more, such as https:/ },
  "a URL that does not parse": {
    args: ["GOOD", "not a url"],
    names: '"not a url"',
    remedy: /expected one such as https:/,
  },
  "a URL without a scheme": {
    args: ["GOOD", "example.com/file?secret"],
    names: '"example.com/file"',
    remedy: /did you mean https:\/\/example\.com\/file\?$/m,
  },
  "a checksum without its kind": {
    args: ["--checksum", CHECKSUM.slice("sha256:".length), "GOOD"],
    names: "--checksum",
    remedy: new RegExp(`did you mean ${CHECKSUM}\\?$`, "m"),
  },
  "an empty URL": { args: ["GOOD", ""], names: '""', remedy: /expected one such as https:/ },
  "a URL without a host": { args: ["http://"], names: '"http://"', remedy: /expected one such as https:/ },
  "a URL with a port too high": {
    args: ["http://127.0.0.1:99999/a"],
    names: '"http://127.0.0.1:99999/a"',
    remedy: /expected one such as https:/,
  },
  "an ftp URL": { args: ["GOOD", "ftp://127.0.0.1/a"], names: '"ftp:"', remedy: /expected http: or https:/ },
  "a file URL": { args: ["file:///etc/hosts"], names: '"file:"', remedy: /expected http: or https:/ },
  "an unknown flag": {
    args: ["--conections", "3", "GOOD"],
    names: "--conections",
    remedy: /did you mean --connections\?/,
  },
  "an unknown short flag": { args: ["-Z", "GOOD"], names: "-Z", remedy: /see bytehaul --help/ },
  "a flag without its value": {
    args: ["GOOD", "--connections"],
    names: "--connections",
    remedy: /expected a whole number from 1 to 256/,
  },
  "a flag in place of a value": {
    args: ["-o", "--json", "GOOD"],
    names: "--json",
    remedy: /expected the path of a file/,
  },
  "a value for a switch": { args: ["--json=yes", "GOOD"], names: "--json", remedy: /takes none/ },
  "no connections": {
    args: ["-x", "0", "GOOD"],
    names: '-x "0"',
    remedy: /expected a whole number from 1 to 256/,
  },
  "too many connections": {
    args: ["-x", "257", "GOOD"],
    names: '-x "257"',
    remedy: /expected a whole number from 1 to 256/,
  },
  "connections that are no number": {
    args: ["--connections", "many", "GOOD"],
    names: '--connections "many"',
    remedy: /expected a whole number from 1 to 256/,
  },
  "a piece that is too small": {
    args: ["--piece-size", "1", "GOOD"],
    names: '--piece-size "1"',
    remedy: /expected a size from 16k to 1G/,
  },
  "a memory budget that is too small": {
    args: ["--memory-budget", "1k", "GOOD"],
    names: '--memory-budget "1k"',
    remedy: /expected a size from 16k to 64G/,
  },
  "a rate with an unknown unit": {
    args: ["-l", "5parsec", "GOOD"],
    names: '-l "5parsec"',
    remedy: /expected a size, in bytes or with k, M, G or T/,
  },
  "a delay below zero": {
    args: ["--retry-delay=-1", "GOOD"],
    names: '--retry-delay "-1"',
    remedy: /expected seconds from 0/,
  },
  "a word that is not a choice": {
    args: ["--file-allocation", "falloc", "GOOD"],
    names: '--file-allocation "falloc"',
    remedy: /expected none or prealloc/,
  },
  "a checksum that is too short": {
    args: ["--checksum", SHORT, "GOOD"],
    names: `"${SHORT}"`,
    remedy: /sha256 has 64 hexadecimal digits, this has 63/,
  },
  "a checksum that is too long": {
    args: ["--checksum", `${CHECKSUM}0`, "GOOD"],
    names: `"${CHECKSUM}0"`,
    remedy: /sha256 has 64 hexadecimal digits, this has 65/,
  },
  "a checksum of an unknown kind": {
    args: ["--checksum", "crc9:00", "GOOD"],
    names: '"crc9:00"',
    remedy: /expected ALGORITHM:HEX with one of .*sha256/,
  },
  "a checksum that is not hexadecimal": {
    args: ["--checksum", "md5:xyz", "GOOD"],
    names: '"md5:xyz"',
    remedy: /not hexadecimal/,
  },
  "a checksum and a list": {
    args: ["--checksum", CHECKSUM, "--checksum-file", "SUMS", "GOOD"],
    names: "--checksum together with --checksum-file",
    remedy: /expected one of them/,
  },
  "a user in the URL of a list": {
    args: ["--checksum-file", "https://me:hunter2@example.com/SUMS", "GOOD"],
    names: "--checksum-file",
    remedy: /is sent nowhere; use --header$/m,
  },
  "one checksum for two files": {
    args: ["--checksum", CHECKSUM, "GOOD", "GOOD"],
    names: CHECKSUM,
    remedy: /expected one URL/,
  },
  "one output for two files": {
    args: ["-o", "out.bin", "GOOD", "GOOD"],
    names: '"out.bin"',
    remedy: /expected one URL, or --dir/,
  },
  "an output to a pipe": { args: ["-o", "-", "GOOD"], names: '"-"', remedy: /expected the path of a file/ },
  "an output that is a directory": {
    args: ["-o", "taken", "GOOD"],
    names: '--output "taken"',
    remedy: /it is a directory; give a file's path, or use --dir$/m,
  },
  "an output that is this directory": {
    args: ["-o", ".", "GOOD"],
    names: '"."',
    remedy: /it is a directory; give a file's path/,
  },
  "an output that can only be a directory": {
    args: ["-o", "new/", "GOOD"],
    names: `"new${sep}"`,
    remedy: /it is a directory; give a file's path/,
  },
  "an output that is a directory of --dir": {
    args: ["-d", ".", "-o", "taken", "GOOD"],
    names: '--output "taken"',
    remedy: /it is a directory; give a file's path, or use --dir$/m,
  },
  "a header field without a colon": {
    args: ["-H", "X-Key secret", "GOOD"],
    names: "-H",
    remedy: /expected "Name: value"/,
  },
  "a header field that requests have anyway": {
    args: ["-H", "Range: bytes=0-1", "GOOD"],
    names: '"range"',
    remedy: /leave it out/,
  },
  "silence and talk together": {
    args: ["-q", "-v", "GOOD"],
    names: "--quiet together with --verbose",
    remedy: /expected one of them/,
  },
};

for (const [name, { args, names, remedy }] of Object.entries(BAD_INPUT)) {
  test(`bad input: ${name}`, IN_A_CHILD, async () => {
    await using place = await Place.open();
    await mkdir(place.dir.join("taken"));
    const { status, stdout, stderr } = await place.run(
      ...args.map((arg) => arg === "GOOD" ? place.url("/a.bin") : arg),
    );
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, /^bytehaul: Cannot [^\n]+\n$/);
    assert.ok(stderr.includes(names), stderr);
    assert.match(stderr, remedy);
    assert.doesNotMatch(stderr, /secret/);
    assert.equal(place.server.connections, 0, "the server was asked");
    assert.deepEqual(await place.dir.list(), ["taken"]);
    assert.deepEqual(await readdir(place.dir.join("taken")), []);
  });
}

test("138 a URL expired half-way: the part is kept, and a new URL goes on with it", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 3_000_000,
    seed: SEED,
    respond: ({ path, index }) =>
      !path.includes("old") ? undefined : index === 0 ? { cutAfter: 700_000 } : { status: 403 },
  });
  const run = (signature: string, ...more: string[]) =>
    runBytehaul([
      ...["-x1", "--retry-delay", "0", "--piece-size", "64k", "-o", "out.bin", ...more],
      `${server.url}?signature=${signature}`,
    ], { cwd: dir.path });
  const { status, stderr } = await run("old");
  assert.equal(status, 1);
  const [error, ...lines] = stderr.trimEnd().split("\n");
  assert.match(error!, /^bytehaul: .*403/);
  // Bun drops what it has not handed over when a connection ends too early.
  assert.match(
    lines.shift()!,
    /^bytehaul: unfinished; 0\.\d+\/2\.86 MiB saved in out\.bin\.part and out\.bin\.bytehaul$/,
  );
  assert.deepEqual(lines, [
    "bytehaul: run the same command again to resume",
    "bytehaul: where a URL has expired, a new URL of the same file resumes the download",
  ]);
  assert.equal((await run("old", "-q")).stderr.split("\n").length, 2);
  const second = await run("new");
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stderr, /of it from an earlier run/);
  await assertFileIs(dir.join("out.bin"), SEED, 3_000_000);
});

test("117 what is left of a file with a long name is told by the names that it has", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 3_000_000, respond: () => ({ cutAfter: 700_000 }) });
  const args = ["-x1", "--retries", "0", "--piece-size", "64k", "-o", "n".repeat(250), server.url];
  const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
  assert.equal(status, 1);
  const [control, part] = (await dir.list()).sort((a, b) => a.length - b.length).reverse();
  assert.match(stderr, /^bytehaul: unfinished; .* saved in /m);
  for (const name of [control, part]) assert.ok(stderr.includes(` ${name}`), stderr);
});
