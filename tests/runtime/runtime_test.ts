import assert from "node:assert/strict";
import { readdir, readFile, readlink, statfs, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { filesAndLinks, readAt, WITH_LINKS, withFile } from "../helpers/disk/files_and_links.ts";
import { countListeners } from "../helpers/listeners.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const { files, clock, name } = detectRuntime();
const isWindows = process.platform === "win32";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test("the runtime is the one that this runs on", () => {
  assert.equal(name, "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node");
});

test("create() makes a new file for reading and writing", async () => {
  await using dir = await temporaryDirectory();
  await withFile(files.create(dir.join("new")), async (file) => {
    await file.write(bytesOf("abc"), 0);
    assert.deepEqual(await readAt(file, 1, 10), bytesOf("bc"));
    assert.deepEqual(await file.stat(), await files.lstat(dir.join("new")));
  });
  assert.equal(await readFile(dir.join("new"), "utf8"), "abc");
});

test("72: create() takes no name that anything has, a link to nothing included", WITH_LINKS, async () => {
  await using dir = await filesAndLinks();
  for (const taken of ["file", "directory", "link", "dangling", "loop"]) {
    await assert.rejects(files.create(dir.join(taken)), { code: "EEXIST" }, taken);
  }
  assert.equal(await files.lstat(dir.join("nothing")), undefined);
  assert.equal(await readFile(dir.join("file"), "utf8"), "hello");
});

test("a path that cannot be has the system's error code", async () => {
  await using dir = await filesAndLinks();
  await assert.rejects(files.create(dir.join("nothing", "new")), { code: "ENOENT" });
  await assert.rejects(files.open(dir.join("nothing"), "read"), { code: "ENOENT" });
  await assert.rejects(files.open(dir.join("directory"), "read-write"), { code: "EISDIR" });
  await assert.rejects(files.link(dir.join("nothing"), dir.join("new")), { code: "ENOENT" });
  await assert.rejects(files.rename(dir.join("nothing"), dir.join("new")), { code: "ENOENT" });
  await assert.rejects(files.makeDirectory(dir.join("file")), { code: "EEXIST" });
  if (isWindows) return;
  await assert.rejects(files.create(dir.join("file", "new")), { code: "ENOTDIR" });
  await assert.rejects(files.lstat(dir.join("file", "new")), { code: "ENOTDIR" });
  await assert.rejects(files.open(dir.join("loop"), "read"), { code: "ELOOP" });
  await assert.rejects(files.create(dir.join("n".repeat(300))), { code: "ENAMETOOLONG" });
  await assert.rejects(files.syncDirectory(dir.join("nothing")), { code: "ENOENT" });
});

test("lstat() looks at the path itself, stat() at what it leads to", WITH_LINKS, async () => {
  await using dir = await filesAndLinks();
  const kinds = async (look: typeof files.stat) =>
    await Promise.all(
      ["file", "directory", "link", "dangling", "nothing"].map(async (it) =>
        (await look(dir.join(it)))?.kind
      ),
    );
  assert.deepEqual(await kinds(files.lstat), ["file", "directory", "symlink", "symlink", undefined]);
  assert.deepEqual(await kinds(files.stat), ["file", "directory", "file", undefined, undefined]);
  assert.equal((await files.stat("/dev/null"))?.kind, "other");
  assert.equal((await files.stat(dir.join("link")))?.size, 5);
});

test("46: identity names one file, whatever it is called", async () => {
  await using dir = await filesAndLinks();
  const identity = async (it: string) => (await files.lstat(dir.join(it)))?.identity;
  const first = await identity("file");
  assert.notEqual(first, undefined);
  await files.link(dir.join("file"), dir.join("second"));
  assert.equal(await identity("second"), first);
  await files.rename(dir.join("second"), dir.join("third"));
  assert.equal(await identity("third"), first);
  await withFile(files.open(dir.join("third"), "read"), async (file) => {
    assert.equal((await file.stat()).identity, first);
    await withFile(files.create(dir.join("other")), (other) => other.sync());
    await files.rename(dir.join("third"), dir.join("fourth"));
    await files.rename(dir.join("other"), dir.join("third"));
    assert.notEqual(await identity("third"), first);
    assert.equal((await file.stat()).identity, first);
  });
});

test("48: link() takes no name that anything has", async () => {
  await using dir = await filesAndLinks();
  await files.link(dir.join("file"), dir.join("second"));
  assert.equal(await readFile(dir.join("second"), "utf8"), "hello");
  for (const taken of ["second", "directory", ...(isWindows ? [] : ["dangling"])]) {
    await assert.rejects(files.link(dir.join("file"), dir.join(taken)), { code: "EEXIST" });
  }
});

test(
  "rename() takes the place of a file, and of a link but not of what it leads to",
  WITH_LINKS,
  async () => {
    await using dir = await filesAndLinks();
    for (const to of ["new", "link", "dangling"]) {
      await writeFile(dir.join("from"), to);
      await files.rename(dir.join("from"), dir.join(to));
      assert.equal((await files.lstat(dir.join(to)))?.kind, "file");
      assert.equal(await readFile(dir.join(to), "utf8"), to);
    }
    assert.equal(await readFile(dir.join("file"), "utf8"), "hello");
    assert.deepEqual(await dir.list(), ["dangling", "directory", "file", "link", "loop", "new"]);
    await assert.rejects(files.rename(dir.join("new"), dir.join("directory")), { code: "EISDIR" });
  },
);

test("remove() removes one file or link, and never a directory", WITH_LINKS, async () => {
  await using dir = await filesAndLinks();
  for (const it of ["link", "dangling", "loop", "nothing"]) await files.remove(dir.join(it));
  assert.equal(await readFile(dir.join("file"), "utf8"), "hello");
  await assert.rejects(files.remove(dir.join("directory")), { code: "EISDIR" });
  await files.remove(dir.join("file"));
  assert.deepEqual(await dir.list(), ["directory"]);
});

test("makeDirectory() makes all that is missing, and minds none that is there", async () => {
  await using dir = await filesAndLinks();
  for (let round = 0; round < 2; round++) await files.makeDirectory(dir.join("a", "b", "c"));
  assert.equal((await files.lstat(dir.join("a", "b", "c")))?.kind, "directory");
  await files.syncDirectory(dir.join("a", "b"));
});

test(
  "no descriptor is left behind",
  { skip: process.platform !== "linux" && "there is no /proc" },
  async () => {
    await using dir = await filesAndLinks();
    const useAll = async () => {
      await files.syncDirectory(dir.path);
      await files.freeSpace(dir.path);
      const lock = await files.lock(dir.join("lock"));
      assert.equal(await files.lock(dir.join("lock")), undefined);
      await lock?.release();
      await assert.rejects(files.create(dir.join("file")));
      await withFile(files.open(dir.join("file"), "read"), (file) => file.stat());
    };
    for (let round = 0; round < 3; round++) await useAll();
    // Other tests of the process have descriptors of their own, elsewhere.
    const open = await Promise.all(
      (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    assert.deepEqual(open.filter((path) => path.startsWith(dir.path)), []);
  },
);

test("freeSpace() tells a number, or that it cannot", async () => {
  await using dir = await temporaryDirectory();
  const free = await files.freeSpace(dir.path);
  const { bavail, bsize } = await statfs(dir.path);
  assert.ok(free === undefined || Math.abs(free / (bavail * bsize) - 1) < 0.1, `${free}`);
  assert.equal(await files.freeSpace(dir.join("nothing")), undefined);
});

test("sleep() takes its time, and ends early with the signal's reason", async () => {
  const startMs = clock.monotonicMs();
  await clock.sleep(20);
  const tookMs = clock.monotonicMs() - startMs;
  assert.ok(tookMs >= 19, `${tookMs} ms`);
  const stop = new AbortController();
  const sleeping = clock.sleep(60_000, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(sleeping, /^Error: enough$/);
  await assert.rejects(clock.sleep(60_000, stop.signal), /^Error: enough$/);
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  await clock.sleep(0, signal);
  assert.equal(listeners(), 0);
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1000);
});
