// Files that are there, and several entries of one name, as a user of the command meets them.
import assert from "node:assert/strict";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { runBytehaul } from "../../helpers/child.ts";
import { assertFileIs, contentBytes, contentHash } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 126;
const SIZE = 30_000;
const SUM = contentHash(SEED, SIZE, "sha256");
const IN_A_CHILD = { timeout: 60_000 };

const serve = (respond?: (request: RecordedRequest) => Reply | undefined) =>
  FaultServer.start({ size: SIZE, seed: SEED, ...(respond && { respond }) });

const put = (dir: TemporaryDirectory, name: string, seed = SEED) =>
  writeFile(dir.join(name), contentBytes(seed, 0, SIZE));

const urlIn = (server: FaultServer, path: string) => new URL(path, server.url).href;

test(
  "122 --skip-existing compares a checksum: right is kept, wrong is an error, --overwrite fetches",
  IN_A_CHILD,
  async () => {
    await using dir = await temporaryDirectory();
    await using server = await serve();
    const run = (...args: string[]) =>
      runBytehaul(["--skip-existing", ...args, urlIn(server, "a.bin")], { cwd: dir.path });
    await writeFile(dir.join("SUMS"), `${SUM}  a.bin\n`);
    for (const sum of [["--checksum", `sha256:${SUM}`], ["--checksum-file", "SUMS"]]) {
      await put(dir, "a.bin", 9);
      const wrong = await run(...sum);
      assert.equal(wrong.status, 1);
      assert.match(
        wrong.stderr,
        /^bytehaul: Cannot write "a.bin": it exists already, and its checksum is .*or use --overwrite$/m,
      );
      await assertFileIs(dir.join("a.bin"), 9, SIZE);
      assert.equal((await run(...sum, "--overwrite")).status, 0);
      await assertFileIs(dir.join("a.bin"), SEED, SIZE);
      const asked = server.requests.length;
      const right = await run(...sum);
      assert.equal(right.status, 0);
      assert.match(right.stderr, /^saved a.bin \(29.3 KiB, all of it existed already, sha256 matches.*\)\n$/);
      assert.equal(server.requests.length, asked);
    }
    assert.equal((await run()).stderr, "kept a.bin, which existed already\n");
  },
);

test("122 in a list a checksum counts for its own entry", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  for (const [name, seed] of [["right", SEED], ["wrong", 9], ["any", 9], ["older", 9]] as const) {
    await put(dir, name, seed);
  }
  const sum = ` checksum=sha-256=${SUM}`;
  await writeFile(
    dir.join("list"),
    [
      ...[urlIn(server, "right"), sum],
      ...[urlIn(server, "wrong"), sum],
      ...[urlIn(server, "any")],
      ...[urlIn(server, "older"), sum, " overwrite=true"],
    ].join("\n"),
  );
  const { status, stderr } = await runBytehaul(["--skip-existing", "-j1", "-i", "list"], { cwd: dir.path });
  assert.equal(status, 1);
  assert.match(stderr, /^saved right \(.*all of it existed already/m);
  assert.match(stderr, /^bytehaul: list:3: .*Cannot write "wrong": .*its checksum is/m);
  assert.match(stderr, /^kept any, which existed already$/m);
  assert.match(stderr, /^saved older /m);
  await assertFileIs(dir.join("wrong"), 9, SIZE);
  await assertFileIs(dir.join("older"), SEED, SIZE);
});

test(
  "122 several entries of one name while the file is there: it stands for one of them",
  IN_A_CHILD,
  async () => {
    await using dir = await temporaryDirectory();
    await using server = await serve();
    await put(dir, "f");
    await writeFile(dir.join("list"), `${urlIn(server, "1/f")}\n${urlIn(server, "2/f")}\n`);
    const { status, stderr } = await runBytehaul(["--skip-existing", "-j1", "-i", "list"], { cwd: dir.path });
    assert.equal(status, 1);
    assert.match(stderr, /^kept f, which existed already$/m);
    assert.match(stderr, /^bytehaul: list:2: .*Cannot write "f": it is the output of http:.*\/1\/f, too;/m);
  },
);

const SAME: readonly [string, (server: FaultServer) => string[]][] = [
  ["out=", (server) => [urlIn(server, "a"), " out=same.bin", urlIn(server, "b"), " out=./same.bin"]],
  ["the URL", (server) => [urlIn(server, "1/same.bin"), urlIn(server, "2/same.bin")]],
  ["one URL twice", (server) => [urlIn(server, "same.bin"), urlIn(server, "same.bin")]],
  ["the server", (server) => [urlIn(server, "named?id=1"), urlIn(server, "named?id=2")]],
];
const named = ({ path }: RecordedRequest): Reply | undefined =>
  path.startsWith("/named")
    ? { headers: { "Content-Disposition": 'attachment; filename="same.bin"' } }
    : undefined;

for (const [what, lines] of SAME) {
  test(
    `126 two entries have one name by ${what}: the second is refused, or numbered`,
    IN_A_CHILD,
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await serve(named);
      await writeFile(dir.join("list"), lines(server).join("\n"));
      for (const more of [["-j1"], ["-j4", "--overwrite"]]) {
        const { status, stderr } = await runBytehaul([...more, "-i", "list"], { cwd: dir.path });
        assert.equal(status, 1, stderr);
        assert.match(stderr, /Cannot write ".*same.bin": it is the output of .*, too; .* use --rename$/m);
        assert.equal(stderr.match(/^saved /gm)?.length, 1);
        await assertFileIs(dir.join("same.bin"), SEED, SIZE);
        assert.deepEqual(await dir.list(), ["list", "same.bin"]);
      }
      const numbered = await runBytehaul(["--rename", "-j4", "-d", "new", "-i", "list"], { cwd: dir.path });
      assert.equal(numbered.status, 0, numbered.stderr);
      for (const name of ["same.bin", "same.1.bin"]) await assertFileIs(dir.join("new", name), SEED, SIZE);
    },
  );
}

test("126 URLs of the command line count as well", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const urls = [urlIn(server, "1/f"), urlIn(server, "2/f")];
  const refused = await runBytehaul(["-j1", ...urls], { cwd: dir.path });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Cannot write "f": it is the output of .*\/1\/f, too/);
  const numbered = await runBytehaul(["--rename", ...urls], { cwd: dir.path });
  assert.equal(numbered.status, 0, numbered.stderr);
  assert.deepEqual(await dir.list(), ["f", "f.1", "f.2"]);
});

const WAYS = ["absolute", ...(process.platform === "win32" ? [] : ["through a link"])];
for (const way of WAYS) {
  test(
    `126 a second path to the same directory, ${way}: the second entry is refused, or numbered`,
    IN_A_CHILD,
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await serve();
      const other = way === "absolute" ? dir.join("d") : "link";
      if (other === "link") await symlink("d", dir.join("link"));
      await mkdir(dir.join("d"));
      const lines = [urlIn(server, "1/f"), " dir=d", urlIn(server, "2/f"), ` dir=${other}`];
      await writeFile(dir.join("list"), lines.join("\n"));
      const refused = await runBytehaul(["-j1", "--overwrite", "-i", "list"], { cwd: dir.path });
      assert.equal(refused.status, 1, refused.stderr);
      assert.match(refused.stderr, /^bytehaul: list:3: .*f": it is the output of http:.*\/1\/f, too;/m);
      const args = ["-j1", "--overwrite", "--rename", "-i", "list"];
      const numbered = await runBytehaul(args, { cwd: dir.path });
      assert.equal(numbered.status, 0, numbered.stderr);
      assert.deepEqual((await readdir(dir.join("d"))).sort(), ["f", "f.1"]);
    },
  );
}

for (const suffix of [".aria2", ".st"]) {
  test(
    `127 --skip-existing takes no file for done that has a NAME${suffix} beside it`,
    IN_A_CHILD,
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await serve();
      await put(dir, "a.bin", 9);
      await writeFile(dir.join(`a.bin${suffix}`), "state");
      const run = () => runBytehaul(["--skip-existing", urlIn(server, "a.bin")], { cwd: dir.path });
      const refused = await run();
      assert.equal(refused.status, 1);
      assert.equal(
        refused.stderr,
        `bytehaul: Cannot skip "a.bin": "a.bin${suffix}" shows that it is unfinished; finish it with the program that made it, or remove both\n`,
      );
      await assertFileIs(dir.join("a.bin"), 9, SIZE);
      await rm(dir.join(`a.bin${suffix}`));
      const kept = await run();
      assert.deepEqual([kept.status, kept.stderr], [0, "kept a.bin, which existed already\n"]);
    },
  );
}
