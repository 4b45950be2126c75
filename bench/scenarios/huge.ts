import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bench, formatSize, type Scenario } from "../bench.ts";
import type { Result } from "../contest.ts";
import { MeasuredProcess, type Sample } from "../measure.ts";
import { OURS, RUNTIMES } from "../tools.ts";
import { startWebServer } from "../web_server.ts";

const GIB = 2 ** 30;
const SIZES = [2 * GIB, 200 * GIB];
const MAX_SECONDS = 30 * 60;
const CHILD = fileURLToPath(new URL("../huge_child.ts", import.meta.url));

/** Whether memory and processor time for each byte stay the same for a very large file. */
export const huge: Scenario = {
  name: "huge",
  summary: `${SIZES.map(formatSize).join(" and ")}, whose bytes are counted and dropped; one round`,
  run: async (bench) => {
    const sizes = SIZES.map((size) => bench.scaled(size));
    const results: Result[] = [];
    const notes: string[] = [];
    for (const [runtime, command] of Object.entries(RUNTIMES)) {
      if (!bench.tools.some(({ name }) => name === OURS[runtime as keyof typeof OURS])) continue;
      const samples: Sample[] = [];
      for (const size of sizes) {
        const sample = await fetch(bench, command, size);
        samples.push(sample);
        results.push({ name: `bytehaul (${runtime}), ${formatSize(size)}`, samples: [sample] });
      }
      const [small, large] = samples.map(({ peakBytes }) => peakBytes);
      notes.push(
        `Peak of the second size to that of the first, ${runtime}: ${(large! / small!).toFixed(2)}.`,
      );
    }
    return { title: `${sizes.map(formatSize).join(" and ")} into nothing, connections: 4`, notes, results };
  },
};

async function fetch(bench: Bench, command: readonly string[], size: number): Promise<Sample> {
  const dir = bench.folders.memory.path;
  const [root, output] = [join(dir, "www"), join(dir, "out")];
  await mkdir(root);
  await mkdir(output);
  // The file is sparse, so that reading it takes no memory.
  const file = await open(join(root, "huge.bin"), "w");
  await file.truncate(size);
  await file.close();
  await using server = await startWebServer({ root, dir });
  const args = [CHILD, `${server.origin}/huge.bin`, join(output, "huge.bin"), `${size}`];
  const sample = await new MeasuredProcess([...command, ...args], { dir, maxSeconds: MAX_SECONDS }).sample();
  await rm(root, { recursive: true });
  await rm(output, { recursive: true });
  return { ...sample, extra: { "cpu s/GiB": sample.cpuSeconds / (size / GIB) } };
}
