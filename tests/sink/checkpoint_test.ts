import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { Checkpointer } from "../../src/sink/checkpoint.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import type { ControlStore } from "../../src/storage/control_store.ts";
import type { FileWriter } from "../../src/sink/file_writer.ts";
import type { WriteBackCache } from "../../src/sink/write_back_cache.ts";
import { systemError } from "../helpers/runtime_double.ts";
import { settle } from "../helpers/virtual_clock.ts";

/** Everything a checkpointer uses, with each step recorded and made to wait or fail as a test wants. */
class Scene {
  readonly steps: string[] = [];
  /** What a step does beside being recorded. */
  readonly on: Record<string, () => Promise<void> | void> = {};
  /** How far the data in the file has come. */
  written = 0;
  /** When the file was last written. */
  modifiedMs = 5;
  saved: ControlRecord | undefined;
  readonly checkpointer = new Checkpointer({
    cache: { flush: () => this.#step("flush") } as unknown as WriteBackCache,
    writer: {
      inspect: async () => {
        await this.on["inspect"]?.();
        return { modifiedMs: this.modifiedMs };
      },
    } as unknown as FileWriter,
    file: { sync: () => this.#step("sync") } as unknown as RuntimeFile,
    path: "/x/out.bin.part",
    store: {
      save: (record: ControlRecord) => {
        this.saved = record;
        return this.#step("save", ` ${record.file.size}`);
      },
    } as unknown as ControlStore,
    record: () => {
      this.steps.push(`record ${this.written}`);
      return { file: { size: this.written } } as unknown as ControlRecord;
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
    "record 0",
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

test("when the file was last written is seen after the sync", async () => {
  const scene = new Scene();
  scene.on["sync"] = () => void (scene.modifiedMs = 70);
  await scene.checkpointer.save();
  assert.equal(scene.saved?.part?.modifiedMs, 70);
});

test("46: of a file that others changed no time is saved, so that all claims will be checked", async () => {
  const scene = new Scene();
  scene.on["inspect"] = failing("EIO");
  await scene.checkpointer.save();
  assert.deepEqual([scene.steps.at(-1), scene.saved?.part?.modifiedMs], ["save done", undefined]);
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
  assert.deepEqual(scene.steps, ["flush", "record 70", "sync", "sync done", "save 70", "save done"]);
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
