import assert from "node:assert/strict";
import { stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PieceMap } from "../src/plan/piece_map.ts";
import type { RuntimeFile } from "../src/runtime/runtime.ts";
import { Child } from "./helpers/child.ts";
import { isPattern } from "./helpers/sockets/pattern.ts";
import { fileWith, queueOn, runtimeWith } from "./helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const SIZE = 5 * GIB + 12_345;
const SAMPLE_BYTES = 32 * MIB;
const MAX_GROWTH_BYTES = 32 * MIB;
const SERVER = fileURLToPath(new URL("helpers/sockets/pattern_server.ts", import.meta.url));

/** Where the system does not make files sparse, the allocated file takes its whole size. */
const { bavail, bsize } = await statfs(tmpdir());
const hasRoom = bavail * bsize > 7 * GIB;
const skip = hasRoom ? false : "less than 7 GiB are free in the temporary directory";
if (skip) process.stdout.write(`SKIPPED: the file of 5 GiB, as ${skip}\n`);

interface Sample {
  readonly resident: number;
  readonly heap: number;
}

/** Looks at each byte that is written and keeps none: a disk would be what is measured. */
class Inspector {
  readonly samples: Sample[] = [];
  readonly covered = new PieceMap(SIZE, MIB);
  written = 0;

  inspect(file: RuntimeFile): RuntimeFile {
    return fileWith(file, {
      write: (data, position) => {
        assert.ok(isPattern(data, position), `wrong bytes at ${position}`);
        for (let start = position, end; start < position + data.length; start = end) {
          end = Math.min(position + data.length, start + MIB - start % MIB);
          this.covered.add({ start, end }, 0);
        }
        this.written += data.length;
        if (this.written >= this.samples.length * SAMPLE_BYTES) this.#sample();
        return Promise.resolve();
      },
    });
  }

  #sample(): void {
    const { rss, heapUsed, external } = process.memoryUsage();
    this.samples.push({ resident: rss, heap: heapUsed + external });
  }
}

test(
  "a file of 5 GiB: every byte once in its place, and memory stays flat",
  { skip, timeout: 60_000 },
  async () => {
    await using dir = await temporaryDirectory();
    await using server = new Child(SERVER, [String(SIZE)]);
    await until(() => server.stdout.includes("\n"));
    const inspector = new Inspector();
    const queue = queueOn(runtimeWith({
      file: (file, path) => path.endsWith(".part") ? inspector.inspect(file) : file,
    }));
    const outputPath = dir.join("huge.bin");
    const handle = queue.add({
      url: server.stdout.trim(),
      outputPath,
      maxConnections: 4,
      fileAllocation: "prealloc",
    });
    const result = await handle.wait();
    await queue.close();

    assert.deepEqual([result.size, result.fetchedBytes], [SIZE, SIZE]);
    assert.deepEqual([inspector.written, inspector.covered.isComplete], [SIZE, true]);
    assert.equal((await stat(outputPath)).size, SIZE);

    const { samples } = inspector;
    const half = samples.length / 2;
    assert.ok(samples.length > 100, `only ${samples.length} samples`);
    for (const kind of ["resident", "heap"] as const) {
      const values = samples.map((sample) => sample[kind]);
      const [before, after] = [values.slice(0, half), values.slice(half)].map((it) => Math.max(...it));
      const growth = after! - before!;
      assert.ok(growth < MAX_GROWTH_BYTES, `${kind} memory grew by ${(growth / MIB).toFixed(0)} MiB`);
    }
  },
);
