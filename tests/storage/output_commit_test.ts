import assert from "node:assert/strict";
import { link, mkdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import { WITH_LINKS } from "../helpers/disk/files_and_links.ts";
import { failsWith, OutputScene, PART_TEXT } from "../helpers/scenes/output_scene.ts";
import { fileWith, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";

test("a part file that is whole gets the final name, and nothing else is left", async () => {
  await using scene = await OutputScene.make();
  await scene.fillAndCommit();
  assert.equal(await scene.text("out.bin"), PART_TEXT);
  assert.deepEqual(await scene.names(), ["out.bin"]);
});

test("the name is made durable after it was given, and only then is the rest removed", async () => {
  const steps: string[] = [];
  const { files } = runtimeWith({});
  const step = <T>(name: string, result: Promise<T>): Promise<T> => {
    steps.push(name);
    return result;
  };
  await using scene = await OutputScene.make({
    overrides: {
      files: {
        link: (from, to) => step("link", files.link(from, to)),
        syncDirectory: (path) => step("sync directory", files.syncDirectory(path)),
        remove: (path) => step(`remove ${basename(path)}`, files.remove(path)),
      },
    },
  });
  const file = await scene.fill();
  steps.length = 0;
  await scene.commit(file);
  assert.deepEqual(steps.slice(0, 2), ["link", "sync directory"]);
  assert.deepEqual(steps.slice(2), ["remove out.bin.part", "remove out.bin.bytehaul"]);
});

test("48: a file that appeared while running is not replaced, and what was fetched is kept", async () => {
  await using scene = await OutputScene.make();
  const file = await scene.fill();
  await writeFile(scene.dir.join("out.bin"), "precious");
  await failsWith("output_exists", scene.commit(file), scene.output.path);
  assert.equal(await scene.text("out.bin"), "precious");
  assert.deepEqual(await scene.names(), ["out.bin", "out.bin.bytehaul", "out.bin.part"]);
});

test("a file is replaced where that was asked for", async () => {
  await using scene = await OutputScene.make(
    { overwrite: true },
    (dir) => writeFile(dir.join("out.bin"), "old"),
  );
  assert.equal((await scene.inspect()).kind, "none");
  await scene.fillAndCommit();
  assert.equal(await scene.text("out.bin"), PART_TEXT);
  assert.deepEqual(await scene.names(), ["out.bin"]);
});

test("48: a directory under the final name is refused, also where overwriting was asked for", async () => {
  for (const overwrite of [false, true]) {
    await using scene = await OutputScene.make({ overwrite });
    await mkdir(scene.dir.join("out.bin"));
    await failsWith("output_exists", scene.inspect(), "choose another output");
    const error = overwrite ? "storage" : "output_exists";
    await failsWith(error, scene.fillAndCommit(), scene.output.path);
    assert.deepEqual(await scene.names(), ["out.bin", "out.bin.bytehaul", "out.bin.part"]);
  }
});

test(
  "72: a symbolic link under the final name is not followed, and replaced only when asked",
  WITH_LINKS,
  async () => {
    for (const target of ["precious", "nothing"]) {
      for (const overwrite of [false, true]) {
        await using scene = await OutputScene.make({ overwrite }, async (dir) => {
          await writeFile(dir.join("precious"), "precious");
          await symlink(target, dir.join("out.bin"));
        });
        if (overwrite) {
          assert.equal((await scene.inspect()).kind, "none");
          await scene.fillAndCommit();
          assert.equal(await scene.text("out.bin"), PART_TEXT);
        } else {
          await failsWith("output_exists", scene.inspect(), scene.output.path);
          await failsWith("output_exists", scene.fillAndCommit(), scene.output.path);
        }
        assert.equal(await scene.text("precious"), "precious");
        assert.ok(!(await scene.names()).includes("nothing"));
      }
    }
  },
);

const TAMPERED: Readonly<Record<string, (scene: OutputScene) => Promise<unknown>>> = {
  "cut": ({ output }) => truncate(output.part.path, 3),
  "longer": ({ output }) => truncate(output.part.path, 500),
  "removed": ({ output }) => rename(output.part.path, `${output.part.path}.gone`),
  "exchanged": async ({ output }) => {
    await rename(output.part.path, `${output.part.path}.gone`);
    await writeFile(output.part.path, PART_TEXT);
  },
};

for (const [what, tamper] of Object.entries(TAMPERED)) {
  test(`46: a part file that was ${what} while running does not get the name`, async () => {
    await using scene = await OutputScene.make();
    const file = await scene.fill();
    await tamper(scene);
    const commit = scene.commit(file);
    await failsWith("storage", commit, "was changed by another program");
    assert.ok(!(await scene.names()).includes("out.bin"));
  });
}

for (
  const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES", "EXDEV", "EPROTO", "ENOTTY"]
) {
  test(`47: where link() answers ${code} the name is given by rename(), and nothing is replaced`, async () => {
    const overrides = { files: { link: () => Promise.reject(systemError(code)) } };
    {
      await using scene = await OutputScene.make({ overrides });
      await scene.fillAndCommit();
      assert.deepEqual([await scene.names(), await scene.text("out.bin")], [["out.bin"], PART_TEXT]);
    }
    await using scene = await OutputScene.make({ overrides });
    const file = await scene.fill();
    await writeFile(scene.dir.join("out.bin"), "precious");
    await failsWith("output_exists", scene.commit(file), scene.output.path);
    assert.equal(await scene.text("out.bin"), "precious");
  });
}

for (const [code, wanted] of [["EIO", "storage"], ["ENOSPC", "disk_full"], ["EROFS", "storage"]] as const) {
  test(`where link() fails with ${code} everything is kept for a later run`, async () => {
    const overrides = { files: { link: () => Promise.reject(systemError(code)) } };
    await using scene = await OutputScene.make({ overrides });
    await failsWith(wanted, scene.fillAndCommit(), scene.output.path);
    assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
  });
}

test("44: a part file that cannot be closed does not get the name", async () => {
  await using scene = await OutputScene.make({
    overrides: {
      file: (file, path) =>
        path.endsWith(".part")
          ? fileWith(file, { close: () => file.close().then(() => Promise.reject(systemError("EIO"))) })
          : file,
    },
  });
  await failsWith("storage", scene.fillAndCommit(), "EIO");
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
});

test("80: a download that was stopped does not get the name", async () => {
  await using scene = await OutputScene.make();
  const reason = new Error("enough");
  await assert.rejects(scene.fillAndCommit(AbortSignal.abort(reason)), reason);
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
});

test("52: killed between giving the name and cleaning up, a run is found finished", async () => {
  await using scene = await OutputScene.make();
  await scene.fillWhole();
  await link(scene.output.part.path, scene.output.path);
  const found = await scene.inspect();
  assert.ok(found.kind === "finished");
  assert.equal(found.size, PART_TEXT.length);
  await found.commit();
  assert.deepEqual([await scene.names(), await scene.text("out.bin")], [["out.bin"], PART_TEXT]);
});

test("52: killed in the middle of cleaning up, a run is found finished still", async () => {
  await using scene = await OutputScene.make();
  await scene.fillWhole();
  await rename(scene.output.part.path, scene.output.path);
  const found = await scene.inspect();
  assert.deepEqual(found.kind === "finished" && found.size, PART_TEXT.length);
});

test("where a directory may be written and not read, a file gets its name all the same", async () => {
  for (const code of ["EACCES", "EPERM", "EINVAL", "ENOSYS", "ENOTSUP"]) {
    const syncDirectory = () => Promise.reject(systemError(code));
    await using scene = await OutputScene.make({ overrides: { files: { syncDirectory } } });
    await scene.fillAndCommit();
    assert.deepEqual(await scene.names(), ["out.bin"]);
  }
});
