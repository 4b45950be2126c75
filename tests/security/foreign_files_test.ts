// Another user who may write into the same directory, as in /tmp, puts files there before a download comes.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, link, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { Downloader, verify } from "../../mod.ts";
import { downloadOn, failure } from "../faults/disk.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import {
  asUser,
  ATTACKER,
  giveTo,
  NO_OTHER_USER,
  plantAs,
  runAs,
  sharedDirectory,
  VICTIM,
} from "../helpers/disk/other_user.ts";
import { runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const OTHERS = { skip: NO_OTHER_USER };
const ON_UNIX = {
  skip: process.platform === "win32" && "Windows counts no names and has no pipes among files",
};
const SEED = 118;
const ANOTHER = /it belongs to another user; remove it/;

/** An interrupted download in a shared directory, of which some files are the attacker's. */
async function leaveTo(dir: TemporaryDirectory, ...names: ("part" | "bytehaul")[]): Promise<Interrupted> {
  const left = await Interrupted.leave(dir, { seed: SEED });
  for (const name of names) await giveTo(ATTACKER, `${left.path}.${name}`);
  return left;
}

const FOREIGN = {
  "part file": ["part"],
  "control file": ["bytehaul"],
  "leftovers": ["part", "bytehaul"],
} as const;

for (const [what, names] of Object.entries(FOREIGN)) {
  test(`118 the ${what} of another user: not believed, not opened, not removed`, OTHERS, async () => {
    await using dir = await sharedDirectory();
    await using left = await leaveTo(dir, ...names);
    const before = await Promise.all([left.partPath, left.controlPath].map((path) => readFile(path)));
    const requests = left.server.requests.length;
    await assert.rejects(left.resume(), failure("storage", ANOTHER, left.path));
    assert.equal(left.server.requests.length, requests);
    const after = await Promise.all([left.partPath, left.controlPath].map((path) => readFile(path)));
    assert.ok(before.every((bytes, index) => bytes.equals(after[index]!)));
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
  });

  test(`118 the ${what} of another user: fetched anew where overwriting was asked for`, OTHERS, async () => {
    await using dir = await sharedDirectory();
    await using left = await leaveTo(dir, ...names);
    assert.equal((await left.resume({ overwrite: true })).resumedBytes, 0);
    await assertFileIs(left.path, SEED, left.server.version.size);
    assert.equal((await stat(left.path)).uid, 0);
    assert.deepEqual(await dir.list(), ["out.bin"]);
  });
}

test("118 with resume off the part file of another user is not removed", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using left = await leaveTo(dir, "part");
  await assert.rejects(left.resume({ resume: false }), failure("storage", ANOTHER, left.partPath));
  assert.ok((await dir.list()).includes("out.bin.part"));
});

test("118 a lock file that another user left behind is replaced, never written to", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using server = await FaultServer.start({ size: 400_000, seed: SEED });
  const outputPath = dir.join("out.bin");
  await plantAs(ATTACKER, `${outputPath}.bytehaul.lock`, "planted");
  await link(`${outputPath}.bytehaul.lock`, dir.join("seen")).catch(() => {});
  await assert.rejects(
    downloadOn(runtimeWith({}), { url: server.url, outputPath }),
    failure("storage", /has another name as well; remove it/, outputPath),
  );
  assert.equal(await readFile(dir.join("seen"), "utf8"), "planted");
  assert.notEqual(await runAs(ATTACKER, "rm", dir.join("seen")), undefined);
  await downloadOn(runtimeWith({}), { url: server.url, outputPath });
  await assertFileIs(outputPath, SEED, 400_000);
  assert.deepEqual([await dir.list(), (await stat(outputPath)).uid], [["out.bin"], 0]);
});

test("118 a lock that another user holds is a lock", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using server = await FaultServer.start({ size: 1000 });
  const outputPath = dir.join("out.bin");
  const path = `${outputPath}.bytehaul.lock`;
  const [program, ...args] = asUser(ATTACKER, ["flock", path, "sh", "-c", "echo locked; cat"]);
  const holder = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(holder, "close");
  try {
    await once(holder.stdout, "data");
    const spec = { url: server.url, outputPath };
    await assert.rejects(downloadOn(runtimeWith({}), spec), failure("output_locked", /another download/));
  } finally {
    holder.stdin.end();
    await ended;
  }
  assert.equal(server.connections, 0);
});

test("118 a temporary file of another user is named, and stays", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using server = await FaultServer.start({ size: 1000, seed: SEED });
  const outputPath = dir.join("out.bin");
  await plantAs(ATTACKER, `${outputPath}.bytehaul.tmp`, "planted");
  await assert.rejects(
    downloadOn(runtimeWith({}), { url: server.url, outputPath }),
    failure(
      "storage",
      /belongs to another user; remove it or choose another output/,
      `${outputPath}.bytehaul.tmp`,
    ),
  );
  assert.equal(await readFile(`${outputPath}.bytehaul.tmp`, "utf8"), "planted");
});

for (const name of ["part", "bytehaul"] as const) {
  test(
    `118 a .${name} file that is exchanged for another user's while it is opened is not believed`,
    OTHERS,
    async () => {
      await using dir = await sharedDirectory();
      await using left = await Interrupted.leave(dir, { seed: SEED });
      const { files } = runtimeWith({});
      const path = `${left.path}.${name}`;
      await writeFile(dir.join("planted"), await readFile(path));
      await giveTo(ATTACKER, dir.join("planted"));
      const runtime = runtimeWith({
        files: {
          open: async (at, mode) => {
            if (at === path) await rename(dir.join("planted"), path).catch(() => {});
            return await files.open(at, mode);
          },
        },
      });
      await assert.rejects(downloadOn(runtime, left.spec), failure("storage", ANOTHER, path));
      assert.equal((await stat(path)).uid, ATTACKER);
    },
  );
}

test(
  "118 root and a directory that all may write to: progress is kept, and the file is root's",
  OTHERS,
  async () => {
    await using dir = await sharedDirectory();
    await chown(dir.path, ATTACKER, ATTACKER);
    await using left = await Interrupted.leave(dir, { seed: SEED });
    assert.equal((await left.resume()).resumedBytes, left.saved);
    assert.equal((await stat(left.path)).uid, 0);
  },
);

const LINKED = { "part file": "part", "control file": "bytehaul" } as const;

for (const [what, name] of Object.entries(LINKED)) {
  test(`118 a ${what} with a second name is not believed and not written to`, ON_UNIX, async () => {
    await using dir = await temporaryDirectory();
    await using left = await Interrupted.leave(dir, { seed: SEED });
    await link(`${left.path}.${name}`, dir.join("precious"));
    const before = await readFile(dir.join("precious"));
    await assert.rejects(
      left.resume(),
      failure("storage", /it has another hard link; remove it/, left.path),
    );
    assert.ok(before.equals(await readFile(dir.join("precious"))));
    assert.equal((await left.resume({ overwrite: true })).resumedBytes, 0);
    assert.ok(before.equals(await readFile(dir.join("precious"))));
    await assertFileIs(left.path, SEED, left.server.version.size);
  });
}

test("118 a lock file with a second name is neither written to nor removed", ON_UNIX, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 1000 });
  await writeFile(dir.join("precious"), "precious");
  await link(dir.join("precious"), dir.join("out.bin.bytehaul.lock"));
  await assert.rejects(
    downloadOn(runtimeWith({}), { url: server.url, outputPath: dir.join("out.bin") }),
    failure("storage", /has another name as well; remove it/, "out.bin.bytehaul.lock"),
  );
  assert.equal(await readFile(dir.join("precious"), "utf8"), "precious");
  assert.equal(server.connections, 0);
});

for (const suffix of ["bytehaul.lock", "bytehaul", "part", "bytehaul.tmp"]) {
  test(`118 a pipe under the name of .${suffix} is not opened`, { ...ON_UNIX, timeout: 60_000 }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: 400_000, seed: SEED });
    const outputPath = dir.join("out.bin");
    assert.equal(spawnSync("mkfifo", [`${outputPath}.${suffix}`]).status, 0);
    const done = downloadOn(runtimeWith({}), { url: server.url, outputPath });
    if (suffix === "bytehaul.tmp") {
      await done;
      await assertFileIs(outputPath, SEED, 400_000);
    } else await assert.rejects(done, { name: /Error$/, message: /^Cannot .*remove it/ });
  });
}

const IN_THE_WAY: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a link": (path) => symlink("precious", path),
  "a directory": (path) => mkdir(path),
  "a file of another user": async (path) => {
    await writeFile(path, "planted");
    await giveTo(ATTACKER, path);
  },
};

for (const [what, make] of Object.entries(IN_THE_WAY)) {
  const needs = what === "a file of another user" ? OTHERS : ON_UNIX;

  test(`118 ${what} where a damaged control file would be set aside is not replaced`, needs, async () => {
    await using dir = await sharedDirectory();
    await using left = await Interrupted.leave(dir, { seed: SEED });
    await writeFile(left.controlPath, "garbage");
    await writeFile(dir.join("precious"), "precious");
    await make(`${left.controlPath}.bad`);
    await assert.rejects(
      left.resume(),
      failure("storage", /Cannot replace .*; remove it/, `${left.controlPath}.bad`),
    );
    assert.equal(await readFile(dir.join("precious"), "utf8"), "precious");
  });

  test(`118 ${what} where evidence would be kept is not replaced`, needs, async () => {
    await using dir = await sharedDirectory();
    await using server = await FaultServer.start({ size: 400_000, seed: SEED });
    await writeFile(dir.join("precious"), "precious");
    await make(dir.join("out.bin.mismatch"));
    const spec = { url: server.url, outputPath: dir.join("out.bin"), checksum: `sha256:${"0".repeat(64)}` };
    await assert.rejects(downloadOn(runtimeWith({}), spec), {
      code: "checksum_mismatch",
      keptPath: undefined,
    });
    assert.deepEqual(await dir.list(), ["out.bin.mismatch", "precious"]);
    assert.equal(await readFile(dir.join("precious"), "utf8"), "precious");
  });
}

test("118 who is not root is told of another user's files, too", OTHERS, async (context) => {
  await using dir = await sharedDirectory();
  await using server = await FaultServer.start({ size: 400_000, seed: SEED });
  const outputPath = dir.join("out.bin");
  const cli = new URL("../../cli.ts", import.meta.url).pathname;
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A", cli] : [process.execPath, cli];
  await using home = await temporaryDirectory();
  await chmod(home.path, 0o777);
  const command = ["env", `HOME=${home.path}`, `DENO_DIR=${home.path}`, ...runtime];
  if (await runAs(VICTIM, ...command, "--version") === undefined) {
    return context.skip("another user may not run the runtime and the command here");
  }
  assert.notEqual(await runAs(VICTIM, ...command, "-o", outputPath, server.url), undefined);
  assert.equal((await stat(outputPath)).uid, VICTIM);
  const other = dir.join("other.bin");
  for (const suffix of ["bytehaul.lock", "bytehaul", "part"]) {
    await plantAs(ATTACKER, `${other}.${suffix}`, "planted");
    const said = await runAs(
      VICTIM,
      "sh",
      "-c",
      `${command.join(" ")} -o ${other} ${server.url} 2>&1; test $? = 1`,
    );
    assert.match(
      said ?? "",
      /another user may be writing it|belongs to another user|it exists without a control file/,
    );
    assert.equal(await readFile(`${other}.${suffix}`, "utf8"), "planted");
    assert.notEqual(await runAs(ATTACKER, "rm", `${other}.${suffix}`), undefined);
  }
});

test("118 verify reads what another user left, and copies by second names", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using left = await leaveTo(dir, "part", "bytehaul");
  for (const name of ["part", "bytehaul"]) await link(`${left.path}.${name}`, dir.join(`copy.${name}`));
  for (const path of [left.path, dir.join("copy")]) {
    const result = await verify(path);
    assert.ok(result.source === "controlFile" && result.provenBytes === left.saved);
  }
});

test("118 a finished file of another user that is right: kept, with a warning", OTHERS, async () => {
  await using dir = await sharedDirectory();
  await using server = await FaultServer.start({ size: 1000, seed: SEED });
  const outputPath = dir.join("out.bin");
  const checksum = `sha256:${contentHash(SEED, 1000, "sha256")}`;
  const warnings: string[] = [];
  await using downloader = new Downloader({
    logger: (level, message) => level === "warn" && warnings.push(message),
  });
  const fetch = () => downloader.download({ url: server.url, outputPath, checksum }).wait();
  await fetch();
  assert.equal((await fetch()).fetchedBytes, 0);
  assert.deepEqual(warnings, []);
  await giveTo(ATTACKER, outputPath);
  assert.equal((await fetch()).fetchedBytes, 0);
  assert.deepEqual(warnings, [`"${outputPath}" belongs to another user, who may still change it`]);
});
