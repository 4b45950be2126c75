import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { verify, type VerifyResult } from "../../../mod.ts";
import { parseArgs, type VerifyCommand } from "../../../src/cli/flags/args.ts";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";
import { runVerify, type VerifyFile } from "../../../src/cli/run/verify.ts";
import { DownloadError } from "../../../src/errors.ts";
import { contentHash, writeContentFile } from "../../../testing/content.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";
import { FakeHost } from "../fakes.ts";

const SIZE = 500_000;
const hash = (seed: number, algorithm = "sha256"): string => contentHash(seed, SIZE, algorithm);
const CHECKSUM = `sha256:${hash(1)}`;
const PART: VerifyResult = {
  ...{ path: "a.iso.part", source: "controlFile", matches: false, size: 3 * 2 ** 20 } as const,
  ...{ provenBytes: 2 ** 20, wrongBytes: 65_536, missingBytes: 2 ** 21 - 65_536 },
  wrongRanges: [{ start: 65_536, end: 131_072 }],
};

async function run(
  argv: readonly string[],
  { host = new FakeHost(), verifyFile = verify }: {
    host?: FakeHost;
    verifyFile?: VerifyFile;
  } = {},
) {
  const status = await runVerify(parseArgs(["verify", ...argv]) as VerifyCommand, host, verifyFile);
  assert.equal(host.listeners, 0, "signals are listened to after the end");
  const lines = () => host.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return { status, host, lines, stderr: host.stderr };
}

/** Files `1.bin`, `2.bin` and so on, whose seeds are their names. */
async function makeFiles(dir: TemporaryDirectory, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, index) => dir.join(`${index + 1}.bin`));
  for (const [index, path] of paths.entries()) await writeContentFile(path, index + 1, SIZE);
  return paths;
}

/** A host that has the list `SUMS` in `dir`. */
function hostWith(dir: TemporaryDirectory, list: string): FakeHost {
  const host = new FakeHost();
  host.files[dir.join("SUMS")] = list;
  return host;
}

test("verify tells of a file that is right, and of one that is not", async () => {
  await using dir = await temporaryDirectory();
  const [path] = await makeFiles(dir, 1);
  const right = await run(["--checksum", CHECKSUM, path!]);
  assert.deepEqual([right.status, right.stderr], [0, `verified ${path} (488 KiB, sha256 matches)\n`]);
  const wrong = `sha256:${hash(2)}`;
  const bad = await run([`--checksum=${wrong}`, path!]);
  assert.equal(bad.status, 1);
  assert.equal(
    bad.stderr,
    `bytehaul: "${path}" is not the right file: the checksum is ${CHECKSUM}, expected ${wrong}\n`,
  );
  assert.equal(right.host.stdout + bad.host.stdout, "");
});

test("verify finds the line of each file in a list", async () => {
  await using dir = await temporaryDirectory();
  const paths = await makeFiles(dir, 3);
  await writeFile(dir.join("SUMS"), `${hash(1)}  1.bin\nMD5 (x/2.bin) = ${hash(2, "md5")}\n`);
  const { status, stderr } = await run(["--checksum-file", dir.join("SUMS"), ...paths]);
  assert.equal(status, 1);
  assert.deepEqual(stderr.split("\n"), [
    `verified ${paths[0]} (488 KiB, sha256 matches (checksum file))`,
    `verified ${paths[1]} (488 KiB, md5 matches (checksum file))`,
    'bytehaul: Cannot use the checksum list: "SUMS" has no line for "3.bin"',
    "bytehaul: 2 of 3 files match",
    "",
  ]);
});

test("verify checks all files of a list, beside that, and takes a missing one for a failure", async () => {
  await using dir = await temporaryDirectory();
  const paths = await makeFiles(dir, 3);
  const host = hostWith(dir, `${hash(1)}  1.bin\n${hash(2)} *./2.bin\nSHA1 (3.bin) = ${hash(3, "sha1")}\n`);
  const argv = ["--checksum-file", dir.join("SUMS")];
  const all = await run(argv, { host });
  assert.equal(all.status, 0);
  assert.deepEqual(all.stderr.match(/^verified \S+/gm), paths.map((path) => `verified ${path}`));
  assert.match(all.stderr, /3\.bin \(488 KiB, sha1 matches \(checksum file\)\)\n$/);
  host.stderr = "";
  await rm(paths[1]!);
  await writeContentFile(paths[2]!, 1, SIZE);
  const some = await run(argv, { host });
  assert.equal(some.status, 1);
  assert.match(some.stderr, /^bytehaul: Cannot read ".*2\.bin": it does not exist$/m);
  assert.match(some.stderr, /^bytehaul: ".*3\.bin" is not the right file: /m);
  assert.ok(some.stderr.endsWith("bytehaul: 1 of 3 files match\n"));
});

for (
  const [what, list, message] of [
    ["that is not there", undefined, /^bytehaul: Cannot read ".*SUMS": it does not exist\n$/],
    ["without lines", "hello\n", /^bytehaul: Cannot use the checksum list ".*SUMS": it names no file; /],
    ["of one lone digest", hash(1), /it names no file; name the file to verify\n$/],
  ] as const
) {
  test(`verify fails for a list ${what}`, async () => {
    await using dir = await temporaryDirectory();
    const host = list === undefined ? new FakeHost() : hostWith(dir, list);
    const { status, stderr } = await run(["--checksum-file", dir.join("SUMS")], { host });
    assert.equal(status, 1);
    assert.match(stderr, message);
  });
}

test("verify tells how much of an unfinished download is right", async () => {
  const { status, stderr } = await run(["a.iso"], { verifyFile: () => Promise.resolve(PART) });
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'bytehaul: "a.iso.part" is not complete: 1.00/3.00 MiB are right, 64.0 KiB wrong, 1.94 MiB missing\n',
  );
  const whole = { ...PART, matches: true, provenBytes: PART.size, wrongBytes: 0, missingBytes: 0 };
  const { status: done, stderr: line } = await run(["a.iso"], { verifyFile: () => Promise.resolve(whole) });
  assert.deepEqual([done, line], [0, "verified a.iso.part (3.00 MiB, as its control file says)\n"]);
});

test("verify speaks of flags", async () => {
  await using dir = await temporaryDirectory();
  const [path] = await makeFiles(dir, 1);
  const { status, stderr } = await run([path!]);
  assert.equal(status, 1);
  assert.match(stderr, /it has no control file to compare it with; use --checksum or --checksum-file\n$/);
});

test("verify --quiet tells of failures only", async () => {
  await using dir = await temporaryDirectory();
  const paths = await makeFiles(dir, 2);
  const host = hostWith(dir, `${hash(1)}  1.bin\n${hash(1)}  2.bin\n`);
  const { status, stderr } = await run(["-q", "--checksum-file", dir.join("SUMS")], { host });
  assert.equal(status, 1);
  assert.match(stderr, /^bytehaul: "[^"]*2\.bin" is not the right file[^\n]*\n$/);
  assert.ok(!stderr.includes(paths[0]!));
});

test("verify --json tells a program on standard output", async () => {
  await using dir = await temporaryDirectory();
  const [path] = await makeFiles(dir, 1);
  const { status, lines, stderr } = await run(["--json", "--checksum", CHECKSUM, path!]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.deepEqual(lines().at(0), { type: "progress", path, checked: 0, total: SIZE });
  assert.deepEqual(lines().at(-2), { type: "progress", path, checked: SIZE, total: SIZE });
  assert.deepEqual(lines().at(-1), {
    ...{ type: "result", path, source: "checksum", size: SIZE, matches: true },
    ...{ expected: CHECKSUM, actual: CHECKSUM },
  });
});

test("verify --json writes ten lines of progress a second at most, and none with --quiet", async () => {
  const host = new FakeHost();
  const verifyFile: VerifyFile = async (_path, { onProgress }) => {
    for (let checked = 0; checked < 1000; checked++) {
      onProgress?.(checked, 2000);
      await host.clock.advance(1);
    }
    return PART;
  };
  const told = await run(["--json", "a.iso"], { verifyFile, host });
  assert.equal(told.lines().filter(({ type }) => type === "progress").length, 10);
  assert.deepEqual(told.lines().at(-1), { type: "result", ...PART });
  assert.match(told.stderr, /^bytehaul: "a\.iso\.part" is not complete: [^\n]*\n$/);
  host.stdout = "";
  const quiet = await run(["--json", "-q", "a.iso"], { verifyFile, host });
  assert.deepEqual(quiet.lines().map(({ type }) => type), ["result"]);
});

test("verify --json tells what could not be checked, on standard error too", async () => {
  const error = new DownloadError("storage", 'Cannot read "a\x1b": it is a directory');
  const { status, lines, stderr } = await run(["--json", "a"], { verifyFile: () => Promise.reject(error) });
  assert.equal(status, 1);
  assert.deepEqual(lines(), [
    { type: "error", path: "a", code: "storage", message: error.message, retryable: false },
  ]);
  assert.equal(stderr, 'bytehaul: Cannot read "a\\u{1b}": it is a directory\n');
});

test("verify draws its progress on a terminal and removes it in the end", async () => {
  const verifyFile: VerifyFile = (_path, { onProgress }) => {
    onProgress?.(2 ** 20, PART.size);
    return Promise.resolve({ ...PART, matches: true });
  };
  const { host } = await run(["dir/a\x1b.iso"], { host: new FakeHost(true), verifyFile });
  assert.match(host.stderr, /^a\\u\{1b\}\.iso {2}\[=+> *\] +33% +1\.00\/3\.00 MiB +verifying/);
  assert.ok(
    host.stderr.endsWith("\r\x1b[1A\x1b[Jverified a.iso.part (3.00 MiB, as its control file says)\n"),
  );
  const quiet = await run(["-q", "a.iso"], { host: new FakeHost(true), verifyFile });
  assert.equal(quiet.stderr, "");
});

test("verify stops at a signal, and exits at once at a later one", async () => {
  const host = new FakeHost();
  const seen: string[] = [];
  const verifyFile: VerifyFile = (path, { signal }) => {
    seen.push(path);
    const { promise, reject } = Promise.withResolvers<never>();
    signal?.addEventListener("abort", async () => {
      await host.clock.advance(600);
      host.signal();
      reject(signal.reason);
    });
    queueMicrotask(() => host.signal());
    return promise;
  };
  const { status, stderr } = await run(["a", "b"], { host, verifyFile });
  assert.deepEqual([status, stderr, seen, host.exits], [130, "", ["a"], [130]]);
});

for (
  const [argv, message] of [
    [[], /without a FILE: expected one or more, or --checksum-file LIST/],
    [[""], /^Cannot verify "": expected the path of a file$/],
    [["--checksum", CHECKSUM], /without a FILE/],
    [["--checksum", CHECKSUM, "a", "b"], /for 2 files: it belongs to one file$/],
    [["--checksum", CHECKSUM, "--checksum-file", "SUMS", "a"], /--checksum together with --checksum-file/],
    [["--checksum", hash(1), "a"], /did you mean sha256:/],
    [["--checksum-file", "https://example.com/SUMS", "a"], /with a URL to verify: expected the path/],
    [["-d", "dir", "a"], /^Cannot use -d with verify: it is for downloads; see bytehaul --help$/],
    [["--overwrite", "a"], /^Cannot use --overwrite with verify: it is for downloads/],
    [["--cheksum", "a"], /did you mean --checksum\?$/],
  ] as const
) {
  test(`verify refuses ${argv.map((arg) => arg.slice(0, 24)).join(" ") || "nothing"}`, () => {
    assert.throws(() => parseArgs(["verify", ...argv]), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("verify refuses a checksum that is none before it looks at a file", async () => {
  await assert.rejects(run(["--checksum", "sha256:abc", "a"]), { name: "TypeError" });
});

test("verify is a command as the first word only", () => {
  assert.deepEqual(parseArgs(["verify", "--", "-a", "verify"]), {
    ...{ kind: "verify", files: ["-a", "verify"], quiet: false, json: false },
  });
  assert.deepEqual(parseArgs(["verify", "--help"]), { kind: "help" });
  assert.equal(parseArgs(["https://example.com/a", "verify"]).kind, "download");
});
