// Lists as their users run them: a process of its own, a real server, real files.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, runBytehaul } from "../../helpers/child.ts";
import { assertFileIs, contentHash } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 22;
const SIZE = 30_000;
const IN_A_CHILD = { timeout: 60_000 };
const WITH_SIGNALS = { ...IN_A_CHILD, skip: process.platform === "win32" && "there is no SIGINT to send" };
const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));

const serve = (respond?: (request: RecordedRequest) => Reply | undefined) =>
  FaultServer.start({ size: SIZE, seed: SEED, ...(respond && { respond }) });

async function writeList(dir: TemporaryDirectory, ...lines: readonly string[]): Promise<string> {
  await writeFile(dir.join("list.txt"), `${lines.join("\n")}\n`);
  return "list.txt";
}

const urlIn = (server: FaultServer, path: string) => new URL(path, server.url).href;

test("200 small files come over 16 connections", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const names = Array.from({ length: 200 }, (_, index) => `file${index}`);
  const list = await writeList(dir, ...names.map((name) => urlIn(server, name)));
  const { status, stderr } = await runBytehaul(["-j", "16", "-d", "out", "-i", list], { cwd: dir.path });
  assert.equal(status, 0, stderr);
  assert.equal(server.requests.length, 200);
  assert.ok(server.connections <= 16, `${server.connections} connections`);
  assert.equal(stderr.match(/^saved out/gm)?.length, 200);
  for (const name of names) await assertFileIs(dir.join("out", name), SEED, SIZE);
});

test("options below an entry are for that one alone", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const list = await writeList(
    dir,
    urlIn(server, "a"),
    "  out=sub/first.bin",
    `  checksum=sha-256=${contentHash(SEED, SIZE, "sha256")}`,
    "  header=X-Key: hunter2",
    urlIn(server, "b"),
    "  dir=other",
    urlIn(server, "c"),
    `  checksum=sha256:${"0".repeat(64)}`,
  );
  const { status, stderr } = await runBytehaul(["-i", list], { cwd: dir.path });
  assert.equal(status, 1);
  assert.match(stderr, /^saved sub[/\\]first\.bin \(.*sha256 matches\)$/m);
  assert.match(
    stderr,
    /^bytehaul: list\.txt:7: http:\/\/127.*\/c: Cannot finish "c": the checksum of .* is sha256:/m,
  );
  assert.doesNotMatch(stderr, /hunter2/);
  await assertFileIs(dir.join("sub", "first.bin"), SEED, SIZE);
  await assertFileIs(dir.join("other", "b"), SEED, SIZE);
  const keys = server.requests.map(({ path, headers }) => [path, headers["x-key"]]).sort();
  assert.deepEqual(keys, [["/a", "hunter2"], ["/b", undefined], ["/c", undefined]]);
});

test("an alternative is fetched where the first URL has nothing", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve(({ path }) => path.startsWith("/gone") ? { status: 404 } : undefined);
  const list = await writeList(
    dir,
    `${urlIn(server, "gone/a")}\t${urlIn(server, "mirror/a")}`,
    `${urlIn(server, "gone/b")}\t${urlIn(server, "gone/too/b")}`,
  );
  const { status, stderr } = await runBytehaul(["-i", list], { cwd: dir.path });
  assert.equal(status, 1);
  await assertFileIs(dir.join("a"), SEED, SIZE);
  assert.match(stderr, /^bytehaul: warning: list\.txt:1: .*\/gone\/a: .*404.*; trying the next URL/m);
  assert.match(stderr, /^bytehaul: list\.txt:2: http:\/\/.*\/gone\/too\/b: .*404/m);
  assert.deepEqual(await dir.list(), ["a", "list.txt"]);
});

test("what one URL left unfinished is not finished from another", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: 400_000,
    seed: SEED,
    respond: ({ path, index }) =>
      path !== "/one" || healed
        ? undefined
        : index === 0
        ? { cutAfter: 200_000, throttle: 1_000_000 }
        : { resetAfter: 0 },
  });
  let healed = false;
  const list = await writeList(
    dir,
    `${urlIn(server, "one")}\t${urlIn(server, "two")}`,
    "  out=file",
    "  retries=1",
    "  retry-delay=0",
    "  piece-size=16k",
  );
  const { status, stderr } = await runBytehaul(["-i", list], { cwd: dir.path });
  assert.equal(status, 1, stderr);
  assert.ok(server.requests.every(({ path }) => path === "/one"), "the other was asked");
  assert.deepEqual(await dir.list(), ["file.bytehaul", "file.part", "list.txt"]);
  healed = true;
  const before = server.bytesServed;
  assert.equal((await runBytehaul(["-i", list], { cwd: dir.path })).status, 0);
  assert.ok(server.bytesServed - before <= 220_000 + 65_536);
  await assertFileIs(dir.join("file"), SEED, 400_000);
});

test("the second of one name is refused, and says so", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const list = await writeList(dir, urlIn(server, "a"), " out=same", urlIn(server, "b"), " out=same");
  const { status, stderr } = await runBytehaul(["-j1", "-i", list], { cwd: dir.path });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^bytehaul: list\.txt:3: http:\/\/[^ ]*\/b: Cannot write "same": it is the output of http:\/\/[^ ]*\/a, too; choose another output or use --rename$/m,
  );
  const together = await runBytehaul(["-j2", "--overwrite", "-i", list], { cwd: dir.path });
  assert.equal(together.status, 1);
  assert.match(together.stderr, /^saved same/m);
  await assertFileIs(dir.join("same"), SEED, SIZE);
});

test("after an interruption the command that is shown finishes the list", WITH_SIGNALS, async () => {
  await using dir = await temporaryDirectory();
  let isSlow = true;
  await using server = await FaultServer.start({
    size: 300_000,
    seed: SEED,
    respond: ({ path }) => isSlow && !path.startsWith("/quick") ? { throttle: 200_000 } : undefined,
  });
  const names = ["quick1", "slow1", "slow2", "slow3"];
  const list = await writeList(dir, ...names.map((name) => urlIn(server, name)));
  await using child = new Child(CLI, ["-j2", "--piece-size", "16k", "-i", list], { cwd: dir.path });
  await server.until(() => server.bytesServed > 500_000);
  child.signal("SIGINT");
  const { status, stderr } = await child.ended;
  assert.equal(status, 130, stderr);
  assert.match(stderr, /^bytehaul: interrupted; \d.* saved in slow1\.part and slow1\.bytehaul$/m);
  assert.match(stderr, /^bytehaul: run the same command again with --skip-existing to resume$/m);
  isSlow = false;
  const asked = server.requests.length;
  const args = ["--skip-existing", "-j2", "--piece-size", "16k", "-i", list];
  const second = await runBytehaul(args, { cwd: dir.path });
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stderr, /^kept quick1, which existed already$/m);
  const resumed = server.requests.slice(asked).find(({ path }) => path === "/slow1");
  assert.ok((resumed?.range?.start ?? 0) > 0, "slow1 began again");
  for (const name of names) await assertFileIs(dir.join(name), SEED, 300_000);
  assert.deepEqual(await dir.list(), ["list.txt", ...names].sort());
});

test("a list may come from standard input while it is written", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const command = "Deno" in globalThis ? ["run", "-A", CLI] : [CLI];
  const child = spawn(process.execPath, [...command, "-i", "-"], {
    cwd: dir.path,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin!.write(`${urlIn(server, "a")}\n${urlIn(server, "b")}\n`);
  // It begins before the list has ended.
  await server.until(() => server.requests.length === 1);
  child.stdin!.end(" out=c");
  assert.deepEqual((await once(child, "close"))[0], 0);
  assert.deepEqual(await dir.list(), ["a", "c"]);
});

test("no more run than -j and --max-per-host say", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  const slow = () => ({ throttle: 400_000 });
  await using one = await serve(slow);
  await using other = await serve(slow);
  const lines = Array.from({ length: 12 }, (_, index) => urlIn(index < 9 ? one : other, `f${index}`));
  const list = await writeList(dir, ...lines);
  const args = ["-j4", "--max-per-host=2", "-x1", "-i", list];
  const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
  assert.equal(status, 0, stderr);
  assert.deepEqual([one.maxOpenConnections, other.maxOpenConnections], [2, 2]);
});
