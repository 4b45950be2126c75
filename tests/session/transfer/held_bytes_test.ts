import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import type { HttpResponse, Runtime } from "../../../src/runtime/runtime.ts";
import { PoolWatch } from "../../helpers/pool_watch.ts";
import { fileWith, queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Scene } from "../../helpers/scenes/scene.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SEED = 4;
/** Slow, and yet fast enough that no connection takes over what another one has: that throws bytes away. */
const DISK_BYTES_PER_MS = 100_000;
const { bodyChunkBytes } = detectRuntime();

/** Counts what the runtime handed over and the file does not have yet. */
class HeldBytes {
  peak = 0;
  #handedOver = 0;
  #written = 0;

  /** A disk that stands still until `ready` and is slow then. */
  runtimeHeldUntil(ready: Promise<void>): Runtime {
    return runtimeWith({
      client: (client) => ({
        get: async (url, options) => this.#watched(await client.get(url, options)),
        close: () => client.close(),
      }),
      file: (file, path) =>
        !path.endsWith(".part") ? file : fileWith(file, {
          write: async (data, position) => {
            await ready;
            await setTimeout(data.length / DISK_BYTES_PER_MS);
            await file.write(data, position);
            this.#written += data.length;
          },
        }),
    });
  }

  #watched(response: HttpResponse): HttpResponse {
    const { body } = response;
    if (body === null) return response;
    const getReader = body.getReader.bind(body);
    body.getReader = ((options: { mode: "byob" }) => {
      const reader = getReader(options);
      const read = reader.read.bind(reader);
      reader.read = async (view) => {
        const result = await read(view);
        this.#handedOver += result.value?.byteLength ?? 0;
        this.peak = Math.max(this.peak, this.#handedOver - this.#written);
        return result;
      };
      return reader;
    }) as typeof body.getReader;
    return { status: response.status, headers: response.headers, body };
  }
}

for (const memoryBudget of [64 * KIB, 2 * MIB, 8 * MIB]) {
  test(`memory: 8 connections hold no more than ${memoryBudget} bytes, those of the runtime included`, async () => {
    using watch = new PoolWatch();
    const held = new HeldBytes();
    await using scene = await Scene.open({ size: MIB / 2 + 2 * memoryBudget, seed: SEED }, () => {
      const queue = queueOn(held.runtimeHeldUntil(watch.exhausted));
      return { download: (spec) => queue.add(spec), close: () => queue.close() };
    });
    const pieceSize = MIB;
    await scene.complete({ maxConnections: 8, minSplitSize: 0, pieceSize, memoryBudget });
    // A chunk of one connection is more than a small budget, and comes all the same.
    const bound = memoryBudget > bodyChunkBytes ? memoryBudget : memoryBudget + bodyChunkBytes;
    assert.ok(held.peak <= bound, `${held.peak} bytes were held, ${bound} may be`);
    const [pool] = watch.pools;
    assert.ok(held.peak > pool!.peakBytes / 2, `only ${held.peak} bytes were held`);
    assert.equal(pool!.bytesInUse, 0);
  });
}
