import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileSystem } from "../../src/runtime/runtime.ts";
import { makeDirectories } from "../../src/storage/paths.ts";
import { seededRandom } from "../../testing/content.ts";
import { systemError } from "../helpers/doubles/runtime_double.ts";
import { MemoryFiles } from "../reliability/memory_files.ts";

/** The same files, with what is done about each directory noted, and parts of them replaced. */
function noting(
  files: MemoryFiles,
  overrides: Partial<FileSystem> = {},
): { files: FileSystem; done: string[] } {
  const done: string[] = [];
  const noted = {
    mayRead: (path: string) => files.mayRead(path),
    lstat: (path: string) => files.lstat(path),
    makeDirectory: (path: string) => {
      done.push(`make ${path}`);
      return files.makeDirectory(path);
    },
    syncDirectory: (path: string) => {
      done.push(`sync ${path}`);
      return files.syncDirectory(path);
    },
    ...overrides,
  };
  return { files: noted as FileSystem, done };
}

test("53: directories that were made are there after a power loss, with what is in them", async () => {
  const files = new MemoryFiles("/", "/disk");
  await makeDirectories(files, "/disk/made/deep");
  await (await files.create("/disk/made/deep/file")).close();
  await files.syncDirectory("/disk/made/deep");
  const random = seededRandom(1);
  for (let disk = 0; disk < 100; disk++) {
    assert.deepEqual(files.crash(random).list(), ["/disk/made/deep/file"]);
  }
});

test("only the names of directories that were made are synced", async () => {
  const memory = new MemoryFiles("/", "/disk");
  const { files, done } = noting(memory);
  await makeDirectories(files, "/disk/made/deep");
  assert.deepEqual(done, ["make /disk/made/deep", "sync /disk", "sync /disk/made"]);
  done.length = 0;
  await makeDirectories(files, "/disk/made/deep");
  assert.deepEqual(done, ["make /disk/made/deep"]);
});

test("what this program may not read is neither looked at nor synced", async () => {
  const memory = new MemoryFiles("/", "/disk");
  const isOurs = (path: string) => path.startsWith("/disk/made");
  const { files, done } = noting(memory, {
    mayRead: (path) => Promise.resolve(isOurs(path)),
    lstat: (path) => isOurs(path) ? memory.lstat(path) : Promise.reject(systemError("EACCES")),
  });
  await makeDirectories(files, "/disk/made/deep");
  assert.deepEqual(done, ["make /disk/made/deep", "sync /disk/made"]);
});

for (const code of ["EACCES", "EPERM"]) {
  test(`a directory above that cannot be opened (${code}) is done without`, async () => {
    const memory = new MemoryFiles("/");
    const { files } = noting(memory, { syncDirectory: () => Promise.reject(systemError(code)) });
    await makeDirectories(files, "/made");
    assert.equal((await memory.lstat("/made"))?.kind, "directory");
  });
}

test("a name that the disk cannot keep is an error", async () => {
  const { files } = noting(new MemoryFiles("/"), { syncDirectory: () => Promise.reject(systemError("EIO")) });
  await assert.rejects(makeDirectories(files, "/made"), { code: "EIO" });
});
