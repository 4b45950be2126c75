import assert from "node:assert/strict";
import { test } from "node:test";
import { contentBytes, seededRandom } from "../../testing/content.ts";
import type { Host } from "./memory_file.ts";
import { MemoryFiles } from "./memory_files.ts";

const DISKS = 200;

/** Every disk that some power losses leave, as what `look` makes of it. */
function seen<T>(files: MemoryFiles, look: (found: MemoryFiles) => T): Set<T> {
  const random = seededRandom(1);
  return new Set(Array.from({ length: DISKS }, () => look(files.crash(random))));
}

const failing = (name: string, code: string): Host => ({
  enter: (call) => Promise.resolve(call === name ? code : undefined),
  wallMs: () => 5,
  random: () => 0,
});

test("what was written is seen at once, and may be gone after a power loss until it is synced", async () => {
  const files = new MemoryFiles("/");
  const file = await files.create("/a");
  await files.syncDirectory("/");
  await file.write(Uint8Array.of(1, 2, 3), 0);
  assert.deepEqual([...files.peek("/a")!], [1, 2, 3]);
  const lengths = seen(files, (found) => found.peek("/a")!.length);
  assert.deepEqual(lengths, new Set([0, 1, 3])); // its halves go to the disk one by one
  await file.sync();
  assert.deepEqual(seen(files, (found) => found.peek("/a")!.join()), new Set(["1,2,3"]));
  await file.close();
  assert.equal(files.openHandles, 0);
});

test("a write that was not synced is torn between sectors, never in one", async () => {
  const files = new MemoryFiles("/");
  const bytes = contentBytes(1, 0, 4096).map((byte) => byte | 1);
  files.put("/a", new Uint8Array(4096));
  const file = await files.open("/a", "read-write");
  await file.write(bytes, 0);
  const torn = seen(files, (found) => {
    const sectors = Array.from(
      { length: 8 },
      (_, sector) => found.peek("/a")!.slice(sector * 512, sector * 512 + 512),
    );
    const kept = sectors.map((sector, index) =>
      sector.join() === bytes.slice(index * 512, index * 512 + 512).join()
    );
    assert.ok(sectors.every((sector, index) => kept[index] || sector.every((byte) => byte === 0)));
    return kept.filter(Boolean).length;
  });
  assert.ok(torn.size > 5, `${[...torn]} sectors were kept`);
});

test("names come and go with the sync of their directory", async () => {
  const files = new MemoryFiles("/");
  files.put("/old", Uint8Array.of(1));
  await (await files.create("/new")).close();
  await files.rename("/old", "/older");
  const lists = seen(files, (found) => found.list().join(" "));
  assert.deepEqual(lists, new Set(["/new /old", "/new /older", "/old", "/older"]));
  await files.syncDirectory("/");
  assert.deepEqual(seen(files, (found) => found.list().join(" ")), new Set(["/new /older"]));
});

test("a link and the removal of the other name keep their order", async () => {
  const files = new MemoryFiles("/");
  files.put("/part", Uint8Array.of(1));
  await files.link("/part", "/whole");
  await files.remove("/part");
  const lists = seen(files, (found) => found.list().join(" "));
  assert.deepEqual(lists, new Set(["/part", "/part /whole", "/whole"]));
});

test("what a failed sync was to save is not saved by the next one", async () => {
  const files = new MemoryFiles("/");
  files.put("/a", Uint8Array.of(1));
  const file = await files.open("/a", "read-write");
  await file.write(Uint8Array.of(2), 0);
  files.host = failing("sync", "EIO");
  await assert.rejects(file.sync(), { code: "EIO" });
  files.host = failing("", "");
  await file.sync();
  assert.deepEqual(seen(files, (found) => found.peek("/a")![0]), new Set([1, 2]));
});

test("a lock is held until it is released, and gone after a power loss", async () => {
  const files = new MemoryFiles("/");
  const lock = await files.lock("/lock");
  assert.equal(await files.lock("/lock"), undefined);
  const found = files.crash(() => 0);
  assert.ok(await found.lock("/lock") !== undefined);
  await lock!.release();
  assert.equal(files.heldLocks, 0);
  assert.deepEqual(files.list(), []);
});

test("errors are those of a system", async () => {
  const files = new MemoryFiles("/", "/dir");
  files.put("/a", Uint8Array.of(1));
  await assert.rejects(files.create("/a"), { code: "EEXIST" });
  await assert.rejects(files.create("/none/a"), { code: "ENOENT" });
  await assert.rejects(files.open("/b", "read"), { code: "ENOENT" });
  await assert.rejects(files.link("/a", "/a"), { code: "EEXIST" });
  await assert.rejects(files.remove("/dir"), { code: "EISDIR" });
  await files.remove("/b");
  files.host = failing("create", "ENOSPC");
  await assert.rejects(files.create("/b"), { code: "ENOSPC" });
});

test("uses that no runtime allows are noted", async () => {
  const files = new MemoryFiles("/");
  const file = await files.create("/a");
  await Promise.all([file.write(Uint8Array.of(1), 0), file.write(Uint8Array.of(2), 1)]);
  await file.close();
  await assert.rejects(file.sync(), { code: "EBADF" });
  assert.deepEqual(files.misuses, ["write during a read or write: /a", "sync after close: /a"]);
});

test("a file has one identity under all its names, and before and after a power loss", async () => {
  const files = new MemoryFiles("/");
  files.put("/a", Uint8Array.of(1));
  await files.link("/a", "/b");
  await files.syncDirectory("/");
  const { identity } = (await files.lstat("/a"))!;
  assert.equal((await files.lstat("/b"))!.identity, identity);
  assert.equal((await files.crash(() => 0.5).lstat("/b"))!.identity, identity);
});
