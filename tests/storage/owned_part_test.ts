import assert from "node:assert/strict";
import { test } from "node:test";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { discard, setAside } from "../../src/storage/discard.ts";
import { inspectLeftovers } from "../../src/storage/inspection.ts";
import { Output } from "../../src/storage/output.ts";
import { seededRandom } from "../../testing/content.ts";
import { RECORD } from "../helpers/scenes/output_scene.ts";
import { runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { MemoryFiles } from "../reliability/memory_files.ts";

const DISKS = 200;
const PART = "/out.bin.part";
const CONTROL = "/out.bin.bytehaul";

interface Claimed {
  readonly files: MemoryFiles;
  readonly output: Output;
  /** Lets a call fail from now on. */
  readonly fail: (call: string, path: string) => void;
}

/** An output whose part file and control file are durable. */
async function claimed(): Promise<Claimed> {
  const files = new MemoryFiles("/");
  const runtime: Runtime = { ...runtimeWith({}), files };
  const output = await Output.acquire(runtime, "/out.bin", false);
  await output.control.save(RECORD);
  const file = await output.part.create();
  await file.sync();
  await files.syncDirectory("/");
  const fail = (call: string, path: string) => {
    files.host = {
      enter: (name, at) => Promise.resolve(name === call && at === path ? "EIO" : undefined),
      wallMs: () => 0,
      random: () => 0,
    };
  };
  return { files, output, fail };
}

/** What some power losses leave, that of the lock aside. */
function disks(files: MemoryFiles): string[][] {
  const random = seededRandom(1);
  return Array.from(
    { length: DISKS },
    () => files.crash(random).list().filter((path) => !path.endsWith(".lock")),
  );
}

const removals: readonly [string, (output: Output) => Promise<unknown>][] = [
  ["a download is discarded", discard],
  ["a control file is set aside", setAside],
];

for (const [what, remove] of removals) {
  test(`53: when ${what} no disk has a part file without its control file`, async () => {
    const { files, output } = await claimed();
    await remove(output);
    const found = disks(files);
    assert.ok(found.every((paths) => !paths.includes(PART) || paths.includes(CONTROL)), found.join(" | "));
    assert.ok(
      found.some((paths) => paths.includes(CONTROL)),
      "the control file never came back: it was synced",
    );
  });

  for (const [call, path] of [["remove", PART], ["syncDirectory", "/"], ["close", PART]] as const) {
    test(`43: when ${what} and ${call} fails, the control file stays and it is told`, async () => {
      const { files, output, fail } = await claimed();
      fail(call, path);
      await assert.rejects(remove(output), { code: "storage" });
      for (const paths of disks(files)) assert.ok(paths.includes(CONTROL), paths.join());
    });
  }
}

test("60: a damaged control file that cannot be set aside stays where it is, its part file already gone", async () => {
  const { files, output, fail } = await claimed();
  fail("rename", `${CONTROL}.bad`);
  await assert.rejects(setAside(output), { code: "storage", message: /^Cannot set aside/ });
  assert.deepEqual(files.list(), [CONTROL, `${CONTROL}.lock`]);
  files.host = new MemoryFiles().host;
  await setAside(output);
  assert.deepEqual(files.list(), [`${CONTROL}.bad`, `${CONTROL}.lock`]);
});

test("a part file that cannot be removed to begin anew keeps its control file", async () => {
  const { files, output, fail } = await claimed();
  await output.release();
  const runtime: Runtime = { ...runtimeWith({}), files };
  const again = await Output.acquire(runtime, "/out.bin", false);
  await inspectLeftovers(again);
  fail("remove", PART);
  await assert.rejects(again.part.clear(), { code: "storage" });
  await assert.rejects(discard(again), { code: "storage" });
  assert.deepEqual(files.list(), [CONTROL, `${CONTROL}.lock`, PART]);
});

test("a part file that somebody else made meanwhile is not removed", async () => {
  const { files, output } = await claimed();
  await output.part.clear();
  files.put(PART, Uint8Array.of(1));
  await assert.rejects(output.part.create(), { code: "output_exists" });
  await discard(output);
  assert.deepEqual(files.list(), [`${CONTROL}.lock`, PART]);
});
