import { formatSize, INTO, PLACES, type Scenario } from "../bench.ts";
import { race } from "../one_file.ts";

const SIZE = 2 ** 30;
const CONNECTIONS = [1, 4, 8];

/** One file, as fast as the machine allows. */
export const bulk: readonly Scenario[] = PLACES.flatMap((place) =>
  CONNECTIONS.map((connections) => ({
    name: `bulk-${place}-${connections}`,
    summary: `${formatSize(SIZE)}, connections: ${connections}, ${INTO[place]}`,
    run: async (bench) => {
      const size = bench.scaled(SIZE);
      return {
        title: `${formatSize(size)} ${bench.places[place]}, connections: ${connections}`,
        notes: ["curl and wget have one connection."],
        results: await race(bench, bench.tools, { size, connections, place }),
      };
    },
  }))
);
