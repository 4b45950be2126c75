import assert from "node:assert/strict";
import { link, readFile, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { OutputNames } from "../../../src/lib/output_names.ts";
import type { ControlRecord } from "../../../src/storage/control_record.ts";
import { ControlStore } from "../../../src/storage/control_store.ts";
import { MAX_JOURNAL_BYTES } from "../../../src/storage/journal/journal.ts";
import {
  fileWith,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const NAME = "out.bin.bytehaul";
const RECORD: ControlRecord = {
  file: {
    ...{ urlHash: "ab".repeat(32), queryHash: "abcdef", size: 1000 },
    validator: { etag: '"a"', lastModified: undefined },
  },
  part: undefined,
  progress: { pieceSize: 100, bitmap: new Uint8Array(2), crcs: new Uint32Array(10), partial: [] },
};
const LATER: ControlRecord = { ...RECORD, part: { identity: "1:2", modifiedMs: 5 } };
const [FIRST, SECOND, THIRD] = [0, 100, 200].map((start) => ({ start, end: start + 100, crc: start + 7 }));

const storeIn = (dir: TemporaryDirectory, overrides: RuntimeOverrides = {}) =>
  new ControlStore(runtimeWith(overrides), new OutputNames(dir.join("out.bin")), { owner: undefined });

/** The journal that the next run finds. */
async function found(dir: TemporaryDirectory): Promise<unknown> {
  const loaded = await storeIn(dir).load();
  return loaded.kind === "record" ? loaded.journal : loaded;
}

test("52: what was appended is found, also without an end of the run", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  assert.equal(await store.journal.append([FIRST!]), "appended");
  assert.equal(await store.journal.append([SECOND!, THIRD!]), "appended");
  assert.deepEqual(await found(dir), [FIRST, SECOND, THIRD]);
  await store.journal.end();
});

test("52: the next run continues the journal, over an entry that was torn", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  await store.journal.append([FIRST!]);
  await store.journal.end();
  await writeFile(dir.join(NAME), Uint8Array.of(1, 2, 3), { flag: "a" });
  const next = storeIn(dir);
  await next.load();
  await next.journal.append([SECOND!]);
  await next.journal.end();
  assert.deepEqual(await found(dir), [FIRST, SECOND]);
});

test("a save starts an empty journal, with what came while it was saved", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  await store.journal.append([FIRST!]);
  await store.save(LATER, { unproven: [], recent: () => [SECOND!] });
  assert.deepEqual(await found(dir), [SECOND]);
  await store.journal.append([THIRD!]);
  await store.save(LATER);
  assert.deepEqual(await found(dir), []);
  await store.journal.end();
});

test("52: a kill before the rename finds the old record with its journal", async () => {
  await using dir = await temporaryDirectory();
  let isKilled = false;
  const real = runtimeWith({}).files;
  const store = storeIn(dir, {
    files: { rename: (from, to) => isKilled ? Promise.reject(systemError("EIO")) : real.rename(from, to) },
  });
  await store.save(RECORD);
  await store.journal.append([FIRST!]);
  isKilled = true;
  await assert.rejects(store.save(LATER, { unproven: [], recent: () => [SECOND!] }));
  assert.deepEqual(await found(dir), [FIRST]);
  // What comes now is of the new record, and may be of another version than the old one names.
  assert.equal(await store.journal.append([THIRD!]), "none");
  assert.deepEqual(await found(dir), [FIRST]);
  isKilled = false;
  await store.save(LATER);
  assert.equal(await store.journal.append([THIRD!]), "appended");
  await store.journal.end();
});

test("nothing is synced for an entry", async () => {
  await using dir = await temporaryDirectory();
  let syncs = 0;
  const store = storeIn(dir, {
    file: (file) => fileWith(file, { sync: () => file.sync().finally(() => syncs++) }),
  });
  await store.save(RECORD);
  const before = syncs;
  await store.journal.append([FIRST!]);
  await store.journal.end();
  assert.equal(syncs, before);
});

test("without a record that takes entries nothing is appended", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  assert.equal(await store.journal.append([FIRST!]), "none");
  await store.save(RECORD);
  const bytes = await readFile(dir.join(NAME));
  bytes.writeUInt32BE(2, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(24), crc32(bytes.subarray(0, 20))), 20);
  await writeFile(dir.join(NAME), bytes);
  const next = storeIn(dir);
  assert.equal((await next.load()).kind, "record");
  assert.equal(await next.journal.append([FIRST!]), "none");
  assert.deepEqual(await readFile(dir.join(NAME)), bytes);
  await store.save(RECORD);
  await store.remove();
  assert.equal(await store.journal.append([FIRST!]), "none");
  assert.deepEqual(await dir.list(), []);
});

test("a full journal takes nothing more, and is still read", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  const most = Math.floor(MAX_JOURNAL_BYTES / 24);
  assert.equal(await store.journal.append(Array(most).fill(FIRST)), "appended");
  assert.equal(await store.journal.append([SECOND!]), "full");
  const journal = await found(dir);
  assert.ok(Array.isArray(journal) && journal.length === most);
  await store.save(LATER);
  assert.equal(await store.journal.append([SECOND!]), "appended");
  await store.journal.end();
});

for (const code of ["ENOSPC", "EIO"]) {
  test(`42: after ${code} nothing follows what may be torn, until the next record`, async () => {
    await using dir = await temporaryDirectory();
    let isFull = false;
    const store = storeIn(dir, {
      file: (file) =>
        fileWith(file, {
          write: async (data, position) => {
            await file.write(isFull ? data.subarray(0, 30) : data, position);
            if (isFull) throw systemError(code);
          },
        }),
    });
    await store.save(RECORD);
    isFull = true;
    await assert.rejects(
      store.journal.append([FIRST!, SECOND!]),
      /Cannot extend the journal in ".*bytehaul"/,
    );
    isFull = false;
    assert.equal(await store.journal.append([THIRD!]), "none");
    assert.deepEqual(await found(dir), [FIRST]);
    await store.save(LATER);
    assert.equal(await store.journal.append([THIRD!]), "appended");
    assert.deepEqual(await found(dir), [THIRD]);
    await store.journal.end();
  });
}

test("43: what was dropped is gone, and the record stays", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  await store.journal.append([FIRST!]);
  await store.journal.drop();
  assert.deepEqual(await found(dir), []);
  assert.equal(await store.journal.append([SECOND!]), "none");
  await store.journal.end();
});

test("43: claims that were saved with the record are durable, so a drop keeps them", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD, { unproven: [FIRST!], recent: () => [SECOND!] });
  await store.journal.append([THIRD!]);
  await store.journal.drop();
  assert.deepEqual(await found(dir), [FIRST]);
  await store.journal.end();
});

test("46: a control file that another program replaced is not written to", async () => {
  await using dir = await temporaryDirectory();
  const store = storeIn(dir);
  await store.save(RECORD);
  const other = storeIn(dir);
  await other.save(LATER);
  await other.journal.end();
  const bytes = await readFile(dir.join(NAME));
  assert.equal(await store.journal.append([FIRST!]), "none");
  await store.journal.drop();
  await store.journal.end();
  assert.deepEqual(await readFile(dir.join(NAME)), bytes);
});

test("46: a control file that another program cut or linked is not written to", async () => {
  await using dir = await temporaryDirectory();
  const cut = storeIn(dir);
  await cut.save(RECORD);
  await truncate(dir.join(NAME), 10);
  assert.equal(await cut.journal.append([FIRST!]), "none");
  assert.equal((await readFile(dir.join(NAME))).length, 10);
  const linked = storeIn(dir);
  await linked.save(RECORD);
  await link(dir.join(NAME), dir.join("other"));
  await assert.rejects(linked.journal.append([FIRST!]), /another hard link/);
  await linked.journal.end();
  assert.deepEqual(await found(dir).catch(() => "refused"), "refused");
});

test("the file is closed when the journal ends, and before a new record takes its place", async () => {
  await using dir = await temporaryDirectory();
  let open = 0;
  const openAtRename: number[] = [];
  const real = runtimeWith({}).files;
  const store = storeIn(dir, {
    file: (file) => {
      open++;
      return fileWith(file, { close: () => file.close().finally(() => open--) });
    },
    files: {
      rename: (from, to) => {
        openAtRename.push(open);
        return real.rename(from, to);
      },
    },
  });
  await store.save(RECORD);
  await store.journal.append([FIRST!]);
  assert.equal(open, 1);
  await store.save(LATER, { unproven: [], recent: () => [SECOND!] });
  await store.journal.append([THIRD!]);
  await store.journal.end();
  assert.deepEqual([open, openAtRename], [0, [0, 0]]);
});
