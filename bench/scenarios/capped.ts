import { formatSize, type Scenario } from "../bench.ts";
import { race } from "../one_file.ts";

const SIZE = 100 * 2 ** 20;
const CONNECTIONS = 8;
const BYTES_PER_SECOND = 10e6;

/** A server that limits the speed of each connection. */
export const capped: Scenario = {
  name: "capped",
  summary: `${formatSize(SIZE)}, ${CONNECTIONS} connections of 10 MB/s each`,
  run: async (bench) => {
    const size = bench.scaled(SIZE);
    const idealSeconds = size / (CONNECTIONS * BYTES_PER_SECOND);
    return {
      title: `${formatSize(size)} ${bench.places.memory}, ${CONNECTIONS} connections of 10 MB/s each`,
      notes: [`Ideal: ${idealSeconds.toFixed(2)} s. curl and wget have one connection.`],
      results: await race(bench, bench.tools, {
        size,
        connections: CONNECTIONS,
        link: () => ({ bytesPerSecond: BYTES_PER_SECOND }),
        extra: ({ seconds }, { connections }) => ({
          "/ideal": seconds / idealSeconds,
          "opened": connections.length,
        }),
      }),
    };
  },
};
