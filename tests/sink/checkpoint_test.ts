import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import { Checkpointer } from "../../src/sink/checkpoint.ts";
import { RECORD } from "../helpers/scenes/output_scene.ts";
import { systemError } from "../helpers/doubles/runtime_double.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

/** Everything a checkpointer uses, with each step recorded and made to wait or fail as a test wants. */
class Scene {
  readonly steps: string[] = [];
  /** What a step does beside being recorded. */
  readonly on: Record<string, () => Promise<void> | void> = {};
  /** How far the data in the file has come. */
  written = 0;
  readonly checkpointer = new Checkpointer({
    cache: { flush: () => this.#step("flush") },
    sink: {
      path: "/x/out.bin.part",
      sync: () => this.#step("sync"),
      save: ({ file }) => this.#step("save", ` ${file.size}`),
    },
    journal: {
      renew: (save) => save(() => []),
      drop: () => this.#step("drop the journal"),
    },
    unproven: () => [],
    claims: () => {
      this.steps.push(`claims ${this.written}`);
      const { file, progress } = RECORD;
      return { file: { ...file, size: this.written }, progress };
    },
  });

  async #step(name: string, detail = ""): Promise<void> {
    this.steps.push(`${name}${detail}`);
    await this.on[name]?.();
    this.steps.push(`${name} done`);
  }
}

const failing = (code: string) => () => {
  throw systemError(code);
};

test("a checkpoint flushes, takes down what is written, syncs the data and then saves", async () => {
  const scene = new Scene();
  await scene.checkpointer.save();
  assert.deepEqual(scene.steps, [
    "flush",
    "flush done",
    "claims 0",
    "sync",
    "sync done",
    "save 0",
    "save done",
  ]);
});

test("53: what is written while the data is synced is not claimed", async () => {
  const scene = new Scene();
  scene.written = 100;
  scene.on["sync"] = () => void (scene.written = 200);
  await scene.checkpointer.save();
  assert.ok(scene.steps.includes("save 100"), `${scene.steps}`);
  await scene.checkpointer.save();
  assert.ok(scene.steps.includes("save 200"), `${scene.steps}`);
});

test("43: after a failed sync nothing is saved, and no later sync counts", async () => {
  const scene = new Scene();
  scene.on["sync"] = failing("EIO");
  let first: unknown;
  await assert.rejects(scene.checkpointer.save(), (error: unknown) => {
    assert.ok(error instanceof DownloadError);
    assert.equal(error.code, "storage");
    assert.match(error.message, /^Cannot sync "\/x\/out\.bin\.part": EIO/);
    first = error;
    return true;
  });
  delete scene.on["sync"];
  scene.steps.length = 0;
  await assert.rejects(scene.checkpointer.save(), (error: unknown) => error === first);
  assert.ok(!scene.steps.some((step) => step.startsWith("s")), `${scene.steps}`);
});

test("41: a disk that is full when data is synced is told as that", async () => {
  const scene = new Scene();
  scene.on["sync"] = failing("ENOSPC");
  await assert.rejects(scene.checkpointer.save(), { code: "disk_full" });
});

test("what was written before a write failed is saved all the same", async () => {
  const scene = new Scene();
  scene.written = 70;
  scene.on["flush"] = failing("ENOSPC");
  await scene.checkpointer.save();
  assert.deepEqual(scene.steps, ["flush", "claims 70", "sync", "sync done", "save 70", "save done"]);
});

test("42: after a save that failed the next one is tried", async () => {
  const scene = new Scene();
  scene.on["save"] = failing("ENOSPC");
  await assert.rejects(scene.checkpointer.save(), /ENOSPC/);
  delete scene.on["save"];
  await scene.checkpointer.save();
  assert.equal(scene.steps.at(-1), "save done");
});

test("one save runs at a time, in the order of the calls", async () => {
  const scene = new Scene();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let saves = 0;
  scene.on["save"] = () => gates[saves++]?.promise;
  const first = scene.checkpointer.save();
  const second = scene.checkpointer.save();
  await settle();
  assert.equal(scene.steps.at(-1), "save 0");
  scene.written = 50;
  gates[0]!.resolve();
  await first;
  await settle();
  assert.equal(scene.steps.at(-1), "save 50");
  gates[1]!.resolve();
  await second;
  assert.equal(scene.steps.filter((step) => step === "flush").length, 2);
});

test("a save that failed does not stop the one that waits for it", async () => {
  const scene = new Scene();
  let saves = 0;
  scene.on["save"] = () => {
    if (saves++ === 0) throw systemError("EIO");
  };
  const [first, second] = await Promise.allSettled([scene.checkpointer.save(), scene.checkpointer.save()]);
  assert.deepEqual([first.status, second.status], ["rejected", "fulfilled"]);
});

test("43: a failed sync drops the journal, as the cache may still have what the disk lost", async () => {
  const scene = new Scene();
  scene.on["sync"] = failing("EIO");
  await assert.rejects(scene.checkpointer.save());
  await assert.rejects(scene.checkpointer.save());
  assert.equal(scene.steps.filter((step) => step === "drop the journal done").length, 1);
});
