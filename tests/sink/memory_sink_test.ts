import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { MemorySink } from "../../src/sink/memory_sink.ts";
import { newSink } from "../../src/sink/new_sink.ts";
import type { Sink } from "../../src/sink/sink.ts";
import { failsWith, OutputScene, PART_TEXT, RECORD } from "../helpers/scenes/output_scene.ts";
import { fileWith, systemError } from "../helpers/doubles/runtime_double.ts";

const NO_ENTRIES = { unproven: [], recent: () => [] };
const BYTES = new TextEncoder().encode(PART_TEXT);
const NEVER = new AbortController().signal;
const SMALL = {
  ...{ file: RECORD.file, pieceSize: RECORD.progress.pieceSize, memoryLimit: BYTES.length },
  ...{ isPreallocated: true, log: () => {} },
};
const NO_NEED = () => Promise.reject(new Error("nothing had to be durable"));

/** Writes the whole file. */
async function fill(sink: Sink): Promise<void> {
  sink.write(BYTES, 0, () => {});
  await sink.settle();
}

test("a small file stays in memory until it is committed", async () => {
  await using scene = await OutputScene.make();
  const sink = await newSink(scene.output, SMALL);
  await fill(sink);
  await sink.complete(NO_NEED);
  assert.deepEqual([await scene.names(), sink.memoryBytes, sink.canSave], [[], BYTES.length, true]);
  await sink.commit(BYTES.length, NEVER);
  assert.equal(await scene.text("out.bin"), PART_TEXT);
  assert.deepEqual([await scene.names(), sink.canSave], [["out.bin"], false]);
});

test("a small file gets a part file when it must be durable before it is complete, and is committed as any other", async () => {
  await using scene = await OutputScene.make();
  const sink = await newSink(scene.output, SMALL);
  await fill(sink);
  await sink.sync();
  await sink.save(RECORD, NO_ENTRIES);
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
  const reader = await sink.openReader();
  const buffer = new Uint8Array(BYTES.length);
  assert.equal(await reader.read(buffer, 0), BYTES.length);
  assert.deepEqual(buffer, BYTES);
  await reader.close();
  let isDurable = false;
  await sink.complete(() => Promise.resolve(void (isDurable = true)));
  await sink.commit(BYTES.length, NEVER);
  assert.equal(await scene.text("out.bin"), PART_TEXT);
  assert.deepEqual([await scene.names(), isDurable, sink.canSave], [["out.bin"], true, false]);
});

test("a larger file, one of unknown size and one with a control file get a part file first", async () => {
  const larger = { ...SMALL, memoryLimit: BYTES.length - 1 };
  const unknown = { ...SMALL, file: { ...RECORD.file, size: undefined } };
  for (const options of [larger, unknown]) {
    await using scene = await OutputScene.make();
    const sink = await newSink(scene.output, options);
    assert.deepEqual([await scene.names(), sink.memoryBytes], [["out.bin.bytehaul", "out.bin.part"], 0]);
    const found = await scene.output.place.runtime.files.lstat(sink.path);
    assert.equal(found?.size, options === larger ? BYTES.length : 0);
  }
  await using scene = await OutputScene.make();
  await scene.claim();
  await newSink(scene.output, SMALL);
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
});

test("a part file that cannot be made leaves no control file", async () => {
  const { files } = detectRuntime();
  const create = (path: string) =>
    path.endsWith(".part") ? Promise.reject(systemError("EACCES")) : files.create(path);
  await using scene = await OutputScene.make({ overrides: { files: { create } } });
  await failsWith("storage", newSink(scene.output, { ...SMALL, memoryLimit: 0 }), "permission denied");
  assert.deepEqual(await scene.names(), []);
});

test("a small file that failed its checksum is kept, and nothing else", async () => {
  for (const isSynced of [false, true]) {
    await using scene = await OutputScene.make();
    const sink = await newSink(scene.output, SMALL);
    await fill(sink);
    if (isSynced) await sink.sync();
    assert.equal(await sink.keepMismatch(), scene.dir.join("out.bin.mismatch"));
    assert.equal(await scene.text("out.bin.mismatch"), PART_TEXT);
    assert.deepEqual(await scene.names(), ["out.bin.mismatch"]);
  }
});

test("a small file whose name is taken meanwhile can still be saved", async () => {
  await using scene = await OutputScene.make();
  const sink = await newSink(scene.output, SMALL);
  await fill(sink);
  await writeFile(scene.dir.join("out.bin"), "theirs");
  await failsWith("output_exists", sink.commit(BYTES.length, NEVER), scene.output.path);
  assert.deepEqual([await scene.names(), sink.canSave], [["out.bin"], true]);
  await sink.sync();
  await sink.save(RECORD, NO_ENTRIES);
  assert.deepEqual(await scene.names(), ["out.bin", "out.bin.bytehaul", "out.bin.part"]);
});

test("80: a small file that was stopped does not get the name", async () => {
  await using scene = await OutputScene.make();
  const sink = await newSink(scene.output, SMALL);
  await fill(sink);
  const reason = new Error("enough");
  await assert.rejects(sink.commit(BYTES.length, AbortSignal.abort(reason)), reason);
  assert.deepEqual(await scene.names(), []);
});
test("a small file gets its name also when no part file could be made for it", async () => {
  await using scene = await OutputScene.make();
  const sink = new MemorySink(scene.output, PART_TEXT.length, () => Promise.reject(systemError("EMFILE")));
  await fill(sink);
  await assert.rejects(sink.sync(), { code: "EMFILE" });

  await sink.commit(BYTES.length, NEVER);
  assert.equal(await scene.text("out.bin"), PART_TEXT);
  assert.deepEqual(await scene.names(), ["out.bin"]);
});

test("46: a small file gets no name when it was exchanged before it had one", async () => {
  await using scene = await OutputScene.make({
    overrides: {
      file: (file, path) =>
        fileWith(file, {
          sync: async () => {
            await rename(path, `${path}.theirs`);
            await writeFile(path, "other bytes");
            await file.sync();
          },
        }),
    },
  });
  const sink = new MemorySink(
    scene.output,
    PART_TEXT.length,
    () => Promise.reject(new Error("no file was to be made")),
  );
  await fill(sink);
  await failsWith("storage", sink.commit(BYTES.length, NEVER), "was changed by another program");
  assert.equal((await scene.names()).includes("out.bin"), false);
});
