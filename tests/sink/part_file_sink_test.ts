import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { test } from "node:test";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { PartFileSink } from "../../src/sink/part_file_sink.ts";
import type { Sink } from "../../src/sink/sink.ts";
import { readControl } from "../helpers/disk/control_file.ts";
import {
  failsWith,
  OutputScene,
  type OutputSceneOptions,
  PART_TEXT,
  RECORD,
} from "../helpers/scenes/output_scene.ts";
import { fileWith, systemError } from "../helpers/doubles/runtime_double.ts";

const NO_ENTRIES = { unproven: [], recent: () => [] };
const BYTES = new TextEncoder().encode(PART_TEXT);
const NEVER = new AbortController().signal;

/** A sink with a control file and an empty part file. */
async function opened(options: OutputSceneOptions = {}): Promise<{ scene: OutputScene; sink: Sink }> {
  const scene = await OutputScene.make(options);
  await scene.output.control.save(RECORD);
  const file = await scene.output.part.create();
  return { scene, sink: new PartFileSink(scene.output, file, { size: 0, finalSize: BYTES.length }) };
}

/** Writes the whole file. */
async function fill(sink: Sink): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  sink.write(BYTES, 0, resolve);
  assert.equal(await promise, true);
}

const partSync = (sync: (file: RuntimeFile) => Promise<void>): OutputSceneOptions => ({
  overrides: {
    file: (file, path) => path.endsWith(".part") ? fileWith(file, { sync: () => sync(file) }) : file,
  },
});

test("what is written can be read back, and gets the final name", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  await sink.settle();
  const reader = await sink.openReader();
  const buffer = new Uint8Array(BYTES.length);
  assert.equal(await reader.read(buffer, 0), BYTES.length);
  assert.deepEqual(buffer, BYTES);
  await reader.close();
  let isDurable = false;
  await sink.complete(async () => {
    await sink.sync();
    isDurable = true;
  });
  assert.deepEqual([isDurable, sink.canSave], [true, true]);
  await sink.commit(BYTES.length, NEVER);
  assert.deepEqual([await scene.names(), sink.canSave], [["out.bin"], false]);
});

test("a save says which file it speaks of, and when that was last written", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  await sink.sync();
  await sink.save(RECORD, NO_ENTRIES);
  const { identity, modifiedMs } = (await scene.output.place.runtime.files.lstat(sink.path))!;
  assert.deepEqual((await readControl(scene.output.place.names.control))?.part, { identity, modifiedMs });
});

test("46: of a file that others changed nothing is saved but claims, so that all of them will be checked", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  await truncate(sink.path, 3);
  await sink.save(RECORD, NO_ENTRIES);
  assert.equal((await readControl(scene.output.place.names.control))?.part, undefined);
  assert.match(`${sink.failed.reason}`, /was changed by another program/);
});

test("a write that fails is reported by the signal, and nothing is written afterwards", async () => {
  const { scene, sink } = await opened({
    overrides: {
      file: (file, path) =>
        path.endsWith(".part")
          ? fileWith(file, { write: () => Promise.reject(systemError("ENOSPC")) })
          : file,
    },
  });
  await using _ = scene;
  assert.equal(sink.failed.aborted, false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  sink.write(BYTES, 0, resolve);
  assert.deepEqual([await promise, sink.failed.reason.code], [false, "disk_full"]);
  await failsWith("disk_full", sink.settle(), "out.bin.part");
});

test("a restart empties the part file", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  await sink.clear();
  assert.equal((await scene.output.place.runtime.files.lstat(sink.path))?.size, 0);
});

test("what failed its checksum is kept under the name for that, and nothing else", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  assert.equal(await sink.keepMismatch(), scene.dir.join("out.bin.mismatch"));
  assert.deepEqual([await scene.names(), await scene.text("out.bin.mismatch")], [
    ["out.bin.mismatch"],
    PART_TEXT,
  ]);
});

test("a sync that fails is not hidden", async () => {
  const { scene, sink } = await opened(partSync(() => Promise.reject(systemError("EIO"))));
  await using _ = scene;
  await assert.rejects(sink.sync(), { code: "EIO" });
});

test("a discarded sink leaves nothing", async () => {
  const { scene, sink } = await opened();
  await using _ = scene;
  await fill(sink);
  await sink.discard();
  assert.deepEqual([await scene.names(), sink.canSave], [[], false]);
});
