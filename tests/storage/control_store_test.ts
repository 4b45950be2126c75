import assert from "node:assert/strict";
import { mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ControlFileError, DownloadError } from "../../src/errors.ts";
import { OutputNames } from "../../src/lib/output_names.ts";
import type { FileSystem, RuntimeFile } from "../../src/runtime/runtime.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { ControlStore } from "../../src/storage/control_store.ts";
import { WITH_LINKS } from "../helpers/disk/files_and_links.ts";
import {
  fileWith,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const NAME = "out.bin.bytehaul";

const RECORD: ControlRecord = {
  file: {
    urlHash: "ab".repeat(32),
    queryHash: "abcdef",
    size: 1000,
    validator: { etag: '"a"', lastModified: undefined },
  },
  part: { identity: "1:2", modifiedMs: 5 },
  progress: {
    pieceSize: 100,
    bitmap: new Uint8Array([0b111, 0]),
    crcs: new Uint32Array([1, 2, 3, 0, 0, 0, 0, 0, 0, 0]),
    partial: [{ start: 300, end: 350, crc: 4 }],
  },
};
const LATER: ControlRecord = {
  ...RECORD,
  progress: { ...RECORD.progress, bitmap: new Uint8Array([0xff, 0]), partial: [] },
};

function storeIn(dir: TemporaryDirectory, overrides: RuntimeOverrides = {}): ControlStore {
  return new ControlStore(runtimeWith(overrides), new OutputNames(dir.join("out.bin")));
}

async function loaded(store: ControlStore): Promise<unknown> {
  const result = await store.load();
  return result.kind === "record" ? { ...result.record } : result;
}

test("a record that was saved is loaded, and the next one takes its place", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  assert.deepEqual(await store.load(), { kind: "missing" });
  await store.save(RECORD);
  assert.deepEqual(await loaded(store), RECORD);
  await store.save(LATER);
  assert.deepEqual(await loaded(storeIn(dir)), LATER);
  assert.deepEqual(await dir.list(), [NAME]);
});

test("a save is durable before it takes the old one's place", async () => {
  await using dir = await temporaryDirectory();
  const steps: string[] = [];
  const real = runtimeWith({}).files;
  const recorded = (file: RuntimeFile, path: string) =>
    fileWith(file, {
      write: (data, position) => {
        steps.push(`write ${path.slice(dir.path.length + 1)}`);
        return file.write(data, position);
      },
      sync: () => {
        steps.push("sync");
        return file.sync();
      },
      close: () => {
        steps.push("close");
        return file.close();
      },
    });
  const store = storeIn(dir, {
    files: {
      create: async (path) => recorded(await real.create(path), path),
      rename: (from, to) => {
        steps.push(`rename to ${to.slice(dir.path.length + 1)}`);
        return real.rename(from, to);
      },
      syncDirectory: (path) => {
        steps.push(path === dir.path ? "sync directory" : `sync ${path}`);
        return real.syncDirectory(path);
      },
    },
  });
  await store.save(RECORD);
  assert.deepEqual(steps, [
    `write ${NAME}.tmp`,
    "sync",
    "close",
    `rename to ${NAME}`,
    "sync directory",
  ]);
});

const FAILURES: readonly (readonly [what: string, overrides: RuntimeOverrides])[] = [
  ["creating", { files: { create: () => Promise.reject(systemError("ENOSPC")) } }],
  ["writing", { file: (file) => fileWith(file, { write: () => Promise.reject(systemError("ENOSPC")) }) }],
  ["syncing", { file: (file) => fileWith(file, { sync: () => Promise.reject(systemError("ENOSPC")) }) }],
  ["closing", {
    file: (file) =>
      fileWith(file, { close: () => file.close().then(() => Promise.reject(systemError("ENOSPC"))) }),
  }],
  ["renaming", { files: { rename: () => Promise.reject(systemError("ENOSPC")) } }],
];

for (const [what, overrides] of FAILURES) {
  test(`42: where ${what} fails the old control file survives, and nothing else is left`, async () => {
    await using dir = await temporaryDirectory();
    await storeIn(dir).save(RECORD);
    await assert.rejects(storeIn(dir, overrides).save(LATER), (error: unknown) => {
      assert.ok(error instanceof DownloadError);
      assert.equal(error.code, "disk_full");
      assert.ok(error.message.includes(dir.join(NAME)), error.message);
      return true;
    });
    assert.deepEqual(await loaded(storeIn(dir)), RECORD);
    assert.deepEqual(await dir.list(), [NAME]);
  });
}

test("42: half a write counts as none", async () => {
  await using dir = await temporaryDirectory();
  await storeIn(dir).save(RECORD);
  const torn = storeIn(dir, {
    file: (file) =>
      fileWith(file, {
        write: async (data, position) => {
          await file.write(data.subarray(0, 50), position);
          throw systemError("EIO");
        },
      }),
  });
  await assert.rejects(torn.save(LATER), { code: "storage" });
  assert.deepEqual(await loaded(storeIn(dir)), RECORD);
});

test("a temporary file of a process that died is replaced", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join(`${NAME}.tmp`), "half of a contr");
  await storeIn(dir).save(RECORD);
  assert.deepEqual(await loaded(storeIn(dir)), RECORD);
  assert.deepEqual(await dir.list(), [NAME]);
});

test("72: symbolic links under our names are not followed", WITH_LINKS, async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("precious"), "precious");
  await symlink("precious", dir.join(`${NAME}.tmp`));
  await symlink("precious", dir.join(NAME));
  await assert.rejects(storeIn(dir).load(), ControlFileError);
  await storeIn(dir).save(RECORD);
  assert.deepEqual(await loaded(storeIn(dir)), RECORD);
  assert.equal(await readFile(dir.join("precious"), "utf8"), "precious");
  assert.deepEqual(await dir.list(), [NAME, "precious"]);
});

test("a control file that is a directory is an error that names it", async () => {
  await using dir = await temporaryDirectory();
  await mkdir(dir.join(NAME));
  await assert.rejects(storeIn(dir).load(), (error: unknown) => {
    assert.ok(error instanceof ControlFileError);
    assert.equal(error.path, dir.join(NAME));
    return true;
  });
});

const UNREADABLE: readonly (readonly [what: string, overrides: RuntimeOverrides])[] = [
  ["looked at", { files: { lstat: () => Promise.reject(systemError("EACCES")) } }],
  ["opened", { files: { open: () => Promise.reject(systemError("EACCES")) } }],
  ["read", { file: (file) => fileWith(file, { read: () => Promise.reject(systemError("EACCES")) }) }],
];

for (const [what, overrides] of UNREADABLE) {
  test(`65: one that cannot be ${what} is an error, and not missing`, async () => {
    await using dir = await temporaryDirectory();
    await storeIn(dir).save(RECORD);
    await assert.rejects(storeIn(dir, overrides).load(), (error: unknown) => {
      assert.ok(error instanceof DownloadError);
      assert.equal(error.code, "storage");
      assert.ok(error.message.includes(dir.join(NAME)) && error.message.includes("permission denied"));
      return true;
    });
    assert.deepEqual(await loaded(storeIn(dir)), RECORD);
  });
}

test("60: one that is damaged says so and stays, until it is set aside", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join(NAME), "garbage");
  const store = storeIn(dir);
  assert.equal((await store.load()).kind, "damaged");
  assert.deepEqual(await dir.list(), [NAME]);
  assert.equal(await store.setAside(), dir.join(`${NAME}.bad`));
  assert.equal(await readFile(dir.join(`${NAME}.bad`), "utf8"), "garbage");
  assert.deepEqual(await store.load(), { kind: "missing" });
  await writeFile(dir.join(NAME), "other garbage");
  await store.setAside();
  assert.deepEqual(await dir.list(), [`${NAME}.bad`]);
});

test("60: an empty one is damaged", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join(NAME), "");
  assert.equal((await storeIn(dir).load()).kind, "damaged");
});

test("62: one far too large is damaged, and is not read", async () => {
  await using dir = await temporaryDirectory();
  await storeIn(dir).save(RECORD);
  await truncate(dir.join(NAME), 2 ** 33);
  const store = storeIn(dir, {
    file: (file) => fileWith(file, { read: () => assert.fail("it should not be read") }),
  });
  assert.equal((await store.load()).kind, "damaged");
});

test("one that shrinks while it is read is damaged", async () => {
  await using dir = await temporaryDirectory();
  await storeIn(dir).save(RECORD);
  const real: FileSystem = runtimeWith({}).files;
  const store = storeIn(dir, {
    files: {
      open: async (path, mode) => {
        await truncate(path, 100);
        return await real.open(path, mode);
      },
    },
  });
  assert.equal((await store.load()).kind, "damaged");
});

test("remove() removes all that save() may have left, and minds nothing that is not there", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  await writeFile(dir.join(`${NAME}.tmp`), "half");
  await store.remove();
  assert.deepEqual(await dir.list(), []);
  await store.remove();
  const refused = storeIn(dir, { files: { remove: () => Promise.reject(systemError("EACCES")) } });
  await assert.rejects(refused.remove(), { code: "storage" });
});

test("every file that was opened is closed, whatever fails", async () => {
  await using dir = await temporaryDirectory();
  await storeIn(dir).save(RECORD);
  let open = 0;
  const counted = (overrides: Partial<RuntimeFile>): RuntimeOverrides => ({
    file: (file) => {
      open++;
      return fileWith(file, { ...overrides, close: () => file.close().finally(() => open--) });
    },
  });
  const fails = () => Promise.reject(systemError("EIO"));
  await storeIn(dir, counted({})).load();
  await storeIn(dir, counted({})).save(LATER);
  await assert.rejects(storeIn(dir, counted({ read: fails })).load());
  await assert.rejects(storeIn(dir, counted({ write: fails })).save(LATER));
  await assert.rejects(storeIn(dir, counted({ sync: fails })).save(LATER));
  assert.equal(open, 0);
});
