import assert from "node:assert/strict";
import { link, rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { inspect, inspectLeftovers, peekControl, peekPart } from "../../src/storage/inspection.ts";
import { failsWith, OutputScene, PART_TEXT, RECORD } from "../helpers/scenes/output_scene.ts";
import { runtimeWith } from "../helpers/doubles/runtime_double.ts";

test("where there is no control file, nothing is known to be ours", async () => {
  await using scene = await OutputScene.make({}, (dir) => writeFile(dir.join("out.bin.part"), "precious"));
  const found = await scene.inspect();
  assert.ok(found.kind === "none");
  assert.equal(scene.output.part.isOurs, false);
  await found.discard();
  assert.equal(await scene.text("out.bin.part"), "precious");
});

test("progress of an earlier run can be opened and discarded", async () => {
  await using scene = await OutputScene.make();
  await scene.fill();
  await scene.output.part.close();
  const found = await scene.inspect();
  assert.ok(found.kind === "leftover");
  assert.deepEqual([found.record, scene.output.part.isOurs], [RECORD, true]);
  assert.equal((await found.openPart())?.info.size, PART_TEXT.length);
  await found.discard();
  assert.deepEqual(await scene.names(), []);
});

test("60: a damaged control file can only be set aside, and its part file goes with it", async () => {
  await using scene = await OutputScene.make();
  await scene.fill();
  await scene.output.part.close();
  await writeFile(scene.dir.join("out.bin.bytehaul"), "rubbish");
  const found = await scene.inspect();
  assert.ok(found.kind === "damaged");
  assert.equal(found.reason, "it is too short");
  assert.equal(await found.setAside(), scene.dir.join("out.bin.bytehaul.bad"));
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul.bad"]);
});

test("52: a file is finished only if its control file is of the requested URL", async () => {
  await using scene = await OutputScene.make();
  await scene.fillWhole();
  await link(scene.output.part.path, scene.output.path);
  await failsWith("output_exists", inspect(scene.output, () => false), scene.output.path);
  const found = await inspect(scene.output, ({ urlHash }) => urlHash === RECORD.file.urlHash);
  assert.ok(found.kind === "finished");
  await found.commit();
  assert.deepEqual([await scene.names(), await scene.text("out.bin")], [["out.bin"], PART_TEXT]);
});

test("a finished file that was written to since is a taken name", async () => {
  await using scene = await OutputScene.make();
  await scene.fillWhole();
  await rename(scene.output.part.path, scene.output.path);
  await writeFile(scene.output.path, PART_TEXT.toUpperCase() + "!");
  await failsWith("output_exists", scene.inspect(), scene.output.path);
});

test("leftovers are found beside a file that may be replaced, and beside any when only they are asked for", async () => {
  for (const overwrite of [true, false]) {
    await using scene = await OutputScene.make({ overwrite });
    await scene.output.control.save(RECORD);
    await writeFile(scene.output.path, "old");
    const found = overwrite ? await scene.inspect() : await inspectLeftovers(scene.output);
    assert.equal(found.kind, "leftover");
  }
});

test("a file from memory that a killed run named loses its other name, and keeps the final one", async () => {
  await using scene = await OutputScene.make();
  await writeFile(scene.output.path, PART_TEXT);
  await link(scene.output.path, scene.dir.join("out.bin.bytehaul.tmp"));
  await failsWith("output_exists", scene.inspect(), scene.output.path);
  assert.deepEqual(await scene.names(), ["out.bin"]);
});

test("what nobody has taken is looked at without a trace", async () => {
  await using scene = await OutputScene.make();
  const runtime = runtimeWith({});
  const path = scene.dir.join("other.bin");
  assert.deepEqual([await peekControl(runtime, path), await peekPart(runtime, path)], [
    { kind: "missing" },
    undefined,
  ]);
  await scene.fill();
  const peeked = await peekControl(runtime, scene.output.path);
  assert.deepEqual(peeked.kind === "record" && peeked.record, RECORD);
  assert.equal((await peekPart(runtime, scene.output.path))?.size, PART_TEXT.length);
  assert.deepEqual(await scene.names(), ["out.bin.bytehaul", "out.bin.part"]);
});
