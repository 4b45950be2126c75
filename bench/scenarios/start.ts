import { type Bench, formatSize, type Scenario } from "../bench.ts";
import { median } from "../contest.ts";
import { MeasuredProcess } from "../measure.ts";
import { race } from "../one_file.ts";

const SIZE = 1024;
const ROUNDS = 15;
const MAX_SECONDS = 10;

/** The cost of a run before the file itself. */
export const start: Scenario = {
  name: "start",
  summary: `${formatSize(SIZE)}: the start of the program and little else`,
  run: async (bench) => {
    const results = await race(bench, bench.tools, { size: SIZE, connections: 1, rounds: ROUNDS });
    const idle = (await timeNothing(bench)).toFixed(3);
    return {
      title: `${formatSize(SIZE)} ${bench.places.memory}`,
      notes: [`Of each time, ${idle} s is what it takes here to start and measure any program.`],
      results,
    };
  },
};

/** Seconds for a program without work. */
async function timeNothing(bench: Bench): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const nothing = new MeasuredProcess(["true"], {
      dir: bench.folders.memory.path,
      maxSeconds: MAX_SECONDS,
    });
    seconds.push((await nothing.sample()).seconds);
  }
  return median(seconds);
}
