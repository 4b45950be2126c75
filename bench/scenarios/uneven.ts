import { formatSize, type Scenario } from "../bench.ts";
import { race } from "../one_file.ts";
import type { LinkShape } from "../shaped_link.ts";

const SIZE = 400 * 2 ** 20;
const CONNECTIONS = 8;
const BYTES_PER_SECOND = 10e6;
const MAX_SECONDS = 60;
/** By number of the connection. All other connections, and later ones, have the full rate. */
const EXCEPTIONS: readonly (LinkShape | undefined)[] = [
  undefined,
  undefined,
  undefined,
  { bytesPerSecond: 50e3 },
  undefined,
  { bytesPerSecond: BYTES_PER_SECOND, stopAfterBytes: 256 * 1024 },
];

/** Two connections that are slower than the rest. */
export const uneven: Scenario = {
  name: "uneven",
  summary: `${
    formatSize(SIZE)
  }, ${CONNECTIONS} connections of 10 MB/s, but one of 50 KB/s, and one that stops`,
  run: async (bench) => {
    const size = bench.scaled(SIZE);
    const goodConnections = CONNECTIONS - 2;
    const idealSeconds = size / (goodConnections * BYTES_PER_SECOND);
    return {
      title: `${
        formatSize(size)
      } ${bench.places.memory}, ${CONNECTIONS} connections of 10 MB/s each, two of them bad`,
      notes: [
        "The fourth has 50 KB/s, the sixth stops after 256 KiB without a word; the ninth and later are good.",
        `Ideal: ${
          idealSeconds.toFixed(2)
        } s, on the other ${goodConnections}. twice %: passed more than once.`,
      ],
      results: await race(bench, bench.tools.filter(({ hasConnections }) => hasConnections), {
        size,
        connections: CONNECTIONS,
        link: (connection) => EXCEPTIONS[connection] ?? { bytesPerSecond: BYTES_PER_SECOND },
        maxSeconds: MAX_SECONDS,
        extra: ({ seconds }, { passedBytes, connections }) => ({
          "/ideal": seconds / idealSeconds,
          "twice %": 100 * (passedBytes - size) / size,
          "opened": connections.length,
        }),
      }),
    };
  },
};
