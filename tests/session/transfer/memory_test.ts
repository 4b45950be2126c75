import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadHandle } from "../../../mod.ts";
import { layOutBlocks } from "../../../src/flow/memory_budget.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { contentHash } from "../../../testing/content.ts";
import { PoolWatch } from "../../helpers/pool_watch.ts";
import { fileWith, queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Scene } from "../../helpers/scenes/scene.ts";

const SEED = 3;
const { bodyChunkBytes } = detectRuntime();
const SIZE = 8 * 1024 * 1024 + 77;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;

/** Counts what arrived and is not in the file yet, when that is most: just before a write is over. */
class BufferedBytes {
  peak = 0;
  handle: DownloadHandle | undefined;
  #written = 0;

  /** A disk that stands still until `ready`. */
  runtimeHeldUntil(ready: Promise<void>): ReturnType<typeof runtimeWith> {
    return runtimeWith({
      file: (file, path) =>
        !path.endsWith(".part") ? file : fileWith(file, {
          write: async (data, position) => {
            await ready;
            await file.write(data, position);
            this.peak = Math.max(this.peak, this.handle!.snapshot.downloaded - this.#written);
            this.#written += data.length;
          },
        }),
    });
  }
}

for (const memoryBudget of [65_536, 1_048_576, 5_000_000]) {
  for (const connections of [1, 4, 16, 64]) {
    for (const checksum of [undefined, CHECKSUM]) {
      const name = `${connections} connections, ${checksum ? "with" : "without"} a checksum`;
      test(`memory: ${name}, fill a budget of ${memoryBudget} bytes and never exceed it`, async () => {
        using watch = new PoolWatch();
        const buffered = new BufferedBytes();
        await using scene = await Scene.open({ size: SIZE, seed: SEED }, () => {
          const queue = queueOn(buffered.runtimeHeldUntil(watch.exhausted));
          return { download: (spec) => queue.add(spec), close: () => queue.close() };
        });
        const given = checksum === undefined ? {} : { checksum };
        buffered.handle = scene.download({ maxConnections: connections, memoryBudget, ...given });
        await scene.completed(buffered.handle);

        const [pool, ...others] = watch.pools;
        assert.equal(others.length, 0);
        const layout = layOutBlocks({
          ...{ budget: memoryBudget, connections, reserved: checksum ? 2 : 0, chunkBytes: bodyChunkBytes },
          fileSize: SIZE,
        });
        assert.equal(pool?.peakBytes, layout.blocks * layout.blockSize);
        assert.ok(buffered.peak > 0 && buffered.peak <= memoryBudget, `${buffered.peak} bytes were held`);
      });
    }
  }
}
