import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child } from "./helpers/child.ts";
import { FaultServer } from "./helpers/fault_server.ts";
import { temporaryDirectory } from "./helpers/temp.ts";
import type { LargeFileReport, MemorySample } from "./large_file_child.ts";

const CHILD = fileURLToPath(new URL("large_file_child.ts", import.meta.url));
const SEED = 23;
const MIB = 2 ** 20;
const SIZE = 5 * 2 ** 30 + 4321;
/** A sixty-fourth of what arrives between the second quarter and the last one. */
const MAX_GROWTH = 40 * MIB;
/** A thirteenth of the file: the memory budget of 64 MiB, what the network has under way, and the runtime itself. */
const MAX_RESIDENT = 400 * MIB;

/** What a process usually had in use during one quarter of the file, counted from 0. */
function typical(samples: readonly MemorySample[], name: "rss" | "heapUsed", quarter: number): number {
  const values = samples
    .filter(({ downloaded }) => Math.floor(downloaded / SIZE * 4) === quarter)
    .map((sample) => sample[name])
    .sort((a, b) => a - b);
  ok(values.length >= 5, `only ${values.length} samples in quarter ${quarter}`);
  return values[values.length >> 1]!;
}

test("5 GiB, each byte once, in memory that does not grow", { timeout: 100_000 }, async () => {
  await using directory = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  const path = directory.join("large.bin");
  await using child = new Child(CHILD, [server.url, path, `${SEED}`]);
  const { status, stdout, stderr } = await child.ended;
  strictEqual(status, 0, stderr);
  const report: LargeFileReport = JSON.parse(stdout);

  deepStrictEqual(report.runs, [[0, SIZE]]);
  deepStrictEqual([report.bytesWritten, report.fetchedBytes, report.size], [SIZE, SIZE, SIZE]);
  strictEqual(server.bytesServed, SIZE);
  ok(server.connections >= 4, `only ${server.connections} connections`);
  strictEqual((await stat(path)).size, SIZE);
  deepStrictEqual(await directory.list(), ["large.bin"]);

  const { samples } = report;
  for (const name of ["rss", "heapUsed"] as const) {
    // The first quarter is for buffers that are made once, and for the compiler.
    const growth = typical(samples, name, 3) - typical(samples, name, 1);
    ok(growth < MAX_GROWTH, `${name} grew by ${(growth / MIB).toFixed(1)} MiB`);
  }
  const peak = Math.max(...samples.map(({ rss }) => rss));
  ok(peak < MAX_RESIDENT, `${(peak / MIB).toFixed(0)} MiB were resident`);
});
