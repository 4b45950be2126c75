import assert from "node:assert/strict";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { discard } from "../../src/storage/discard.ts";
import { Output } from "../../src/storage/output.ts";
import { makeDirectories, refuseDirectory } from "../../src/storage/paths.ts";
import { WITH_LINKS } from "../helpers/disk/files_and_links.ts";
import { failsWith, OutputScene, PART_TEXT } from "../helpers/scenes/output_scene.ts";
import {
  fileWith,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

test("55: an output is had by one at a time, and freed without a trace", async () => {
  await using dir = await temporaryDirectory();
  const path = dir.join("out.bin");
  const first = await Output.acquire(runtimeWith({}), path, false);
  await failsWith("output_locked", Output.acquire(runtimeWith({}), path, true), path);
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul.lock"]);
  const other = await Output.acquire(runtimeWith({}), dir.join("other.bin"), false);
  await other.release();
  await first.release();
  assert.deepEqual(await dir.list(), []);
  await (await Output.acquire(runtimeWith({}), path, false)).release();
});

test("acquire() makes the directories that are missing", async () => {
  await using dir = await temporaryDirectory();
  const output = await Output.acquire(runtimeWith({}), dir.join("a", "b", "out.bin"), false);
  await output.release();
  assert.deepEqual(await dir.list(), ["a"]);
});

test("45: an output that cannot be written is an error that says why", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("file"), "");
  const acquire = (path: string, overrides: RuntimeOverrides = {}) =>
    Output.acquire(runtimeWith(overrides), path, false);
  await failsWith("storage", acquire(dir.join("file", "out.bin")), "a part of the path is not a directory");
  // Windows says no more than that nothing has such a name, and it is refused before.
  if (process.platform !== "win32") {
    await failsWith("storage", acquire(dir.join("n".repeat(300))), "the name is too long");
  }
  for (const [code, reason] of [["EACCES", "permission denied"], ["EROFS", "read-only"]] as const) {
    const lock = () => Promise.reject(systemError(code));
    await failsWith("storage", acquire(dir.join("out.bin"), { files: { lock } }), reason);
  }
});

test("72: a symbolic link under the name of the lock is not followed", WITH_LINKS, async () => {
  await using dir = await temporaryDirectory();
  await symlink("nothing", dir.join("out.bin.bytehaul.lock"));
  const acquired = Output.acquire(runtimeWith({}), dir.join("out.bin"), false);
  await failsWith("storage", acquired, "it is a symbolic link");
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul.lock"]);
});

test("48: a directory is refused as a path before anything else is done", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("file"), "");
  for (const path of [dir.path, `${dir.path}/`, dir.join("new") + "/", dir.join("new") + "\\"]) {
    await assert.rejects(refuseDirectory(runtimeWith({}), path), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith(`Cannot use outputPath "${path}": it is a directory;`));
      return true;
    });
  }
  await refuseDirectory(runtimeWith({}), dir.join("file"));
  await refuseDirectory(runtimeWith({}), dir.join("new"));
});

test("a name that Windows gives another meaning is refused there", async () => {
  await using dir = await temporaryDirectory();
  for (const name of ["nul", "COM1.txt", "a:b", "a?.bin", "file.", "file "]) {
    const looked = refuseDirectory(runtimeWith({}), dir.join(name));
    if (process.platform !== "win32") await looked;
    else await assert.rejects(looked, { name: "TypeError", message: /^Cannot use outputPath / });
  }
  await failsWith("storage", refuseDirectory(runtimeWith({}), dir.join("n".repeat(256))), "too long");
  await refuseDirectory(runtimeWith({}), dir.join("nullable.txt"));
});

test("45: a file where a directory should be made is said to be none", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("file"), "");
  await assert.rejects(makeDirectories(runtimeWith({}).files, dir.join("file")), { code: "ENOTDIR" });
});

test("a file that is there already is found before anything is fetched", async () => {
  await using scene = await OutputScene.make();
  assert.equal((await scene.inspect()).kind, "none");
  await writeFile(scene.dir.join("out.bin"), "precious");
  await failsWith("output_exists", scene.inspect(), "turn overwrite or rename on");
});

test("72: a symbolic link under the name of the part file is not followed", WITH_LINKS, async () => {
  for (const target of ["precious", "nothing"]) {
    await using scene = await OutputScene.make({}, async (dir) => {
      await writeFile(dir.join("precious"), "precious");
      await symlink(target, dir.join("out.bin.part"));
    });
    assert.equal(await scene.output.part.open(), undefined);
    await failsWith("output_exists", scene.output.part.create(), scene.output.part.path);
    await failsWith("output_exists", scene.output.part.clear(), scene.output.part.path);
    await scene.claim();
    await scene.output.part.clear();
    await scene.fillAndCommit();
    assert.equal(await scene.text("precious"), "precious");
    assert.deepEqual(await scene.names(), ["out.bin", "precious"]);
  }
});

test("a part file of somebody else is removed only when overwriting was asked for", async () => {
  const prepare = (dir: TemporaryDirectory) => writeFile(dir.join("out.bin.part"), "precious");
  {
    await using scene = await OutputScene.make({}, prepare);
    await failsWith("output_exists", scene.output.part.clear(), "without a control file");
    await failsWith("output_exists", scene.output.part.create(), "without a control file");
    assert.equal(await scene.text("out.bin.part"), "precious");
  }
  await using scene = await OutputScene.make({ overwrite: true }, prepare);
  await scene.output.part.clear();
  await scene.fillAndCommit();
  assert.equal(await scene.text("out.bin"), PART_TEXT);
});

test("46: a part file is opened again, and told by what it is", async () => {
  await using scene = await OutputScene.make({}, (dir) => writeFile(dir.join("out.bin.part"), "12345"));
  const named = await runtimeWith({}).files.lstat(scene.output.part.path);
  const opened = await scene.output.part.open();
  assert.deepEqual([opened?.info.size, opened?.info], [5, named]);
  const reader = await scene.output.part.openReader();
  const buffer = new Uint8Array(9);
  assert.equal(await reader.read(buffer, 0), 5);
  await reader.close();
});

test("a part file is closed before another takes its place", async () => {
  await using scene = await OutputScene.make();
  await scene.fill();
  await scene.output.part.clear();
  await scene.fill();
  await scene.output.part.clear();
  await scene.fillAndCommit();
  assert.deepEqual(await scene.names(), ["out.bin"]);
});

test("46: no part file, or a directory in its place, is none", async () => {
  await using scene = await OutputScene.make();
  assert.equal(await scene.output.part.open(), undefined);
  await mkdir(scene.output.part.path);
  assert.equal(await scene.output.part.open(), undefined);
  await scene.claim();
  await failsWith("storage", scene.output.part.clear(), "it is a directory");
});

test("46: a part file that is exchanged between looking and opening is none", async () => {
  const { files } = runtimeWith({});
  await using scene = await OutputScene.make({
    overrides: {
      files: {
        open: async (path, mode) => {
          await writeFile(`${path}.other`, "other");
          await rename(`${path}.other`, path);
          return await files.open(path, mode);
        },
      },
    },
  }, (dir) => writeFile(dir.join("out.bin.part"), "12345"));
  assert.equal(await scene.output.part.open(), undefined);
});

test("discard() removes what is ours, and no part file of somebody else", async () => {
  {
    await using scene = await OutputScene.make();
    await scene.fill();
    await discard(scene.output);
    assert.deepEqual(await scene.names(), []);
  }
  await using scene = await OutputScene.make({}, (dir) => writeFile(dir.join("out.bin.part"), "precious"));
  await failsWith("output_exists", scene.output.part.create(), scene.output.part.path);
  await discard(scene.output);
  assert.equal(await scene.text("out.bin.part"), "precious");
});

test("78: what cannot fit is refused, where free space can be told", async () => {
  for (const [free, fits] of [[10, false], [11, true], [12, true], [undefined, true]] as const) {
    await using scene = await OutputScene.make({
      overrides: { files: { freeSpace: () => Promise.resolve(free) } },
    });
    if (fits) await scene.output.requireSpace(11);
    else await failsWith("disk_full", scene.output.requireSpace(11), "11 bytes are needed and 10 are free");
  }
});

test("release() lets go of the lock even when the part file cannot be closed", async () => {
  await using scene = await OutputScene.make({
    overrides: {
      file: (file) =>
        fileWith(file, { close: () => file.close().then(() => Promise.reject(systemError("EIO"))) }),
    },
  });
  await scene.output.part.create();
  await failsWith("storage", scene.output.release(), "EIO");
  await (await Output.acquire(runtimeWith({}), scene.output.path, false)).release();
});
