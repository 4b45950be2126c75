import { ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DownloadHandle } from "../../mod.ts";
import { contentHash } from "../helpers/content.ts";
import { PoolWatch } from "../helpers/pool_watch.ts";
import { fileWith, queueOn, runtimeWith } from "../helpers/runtime_double.ts";
import { Scene } from "../helpers/scene.ts";

const SEED = 3;
const SIZE = 16 * 1024 * 1024 + 77;
const WRITE_MS = 1;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;

/** Counts what arrived and is not in the file yet, at the moments at which that is most: before a write is over. */
class BufferedBytes {
  peak = 0;
  handle: DownloadHandle | undefined;
  #written = 0;

  /** A disk that takes its time. */
  readonly runtime = runtimeWith({
    file: (file, path) =>
      !path.endsWith(".part") ? file : fileWith(file, {
        write: async (data, position) => {
          await file.write(data, position);
          await sleep(WRITE_MS);
          this.peak = Math.max(this.peak, this.handle!.snapshot.downloaded - this.#written);
          this.#written += data.length;
        },
      }),
  });
}

for (const memoryBudget of [262_144, 2_097_152, 5_000_000]) {
  for (const connections of [1, 4, 16, 64]) {
    for (const checksum of [undefined, CHECKSUM]) {
      const means = `${connections} connections${checksum ? " and a checksum" : ""}`;
      test(`memory: ${means} fill a budget of ${memoryBudget} bytes and never exceed it`, async () => {
        using watch = new PoolWatch();
        const buffered = new BufferedBytes();
        await using scene = await Scene.open({ size: SIZE, seed: SEED }, () => {
          const queue = queueOn(buffered.runtime);
          return { download: (spec) => queue.add(spec), close: () => queue.close() };
        });
        const given = checksum === undefined ? {} : { checksum };
        buffered.handle = scene.download({ maxConnections: connections, memoryBudget, ...given });
        await scene.completed(buffered.handle);

        const [pool, ...others] = watch.pools;
        strictEqual(others.length, 0);
        ok(pool !== undefined && pool.peakBytes <= memoryBudget, `the pool gave ${pool?.peakBytes}`);
        ok(pool.peakBytes > memoryBudget - pool.blockSize, `the pool gave only ${pool.peakBytes}`);
        strictEqual(pool.bytesInUse, checksum === undefined ? 0 : 2 * pool.blockSize);
        ok(buffered.peak <= memoryBudget, `${buffered.peak} bytes were held`);
        ok(buffered.peak > memoryBudget / 4, `only ${buffered.peak} bytes were held`);
      });
    }
  }
}
