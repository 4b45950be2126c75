import { formatSize, type Scenario } from "../bench.ts";
import { race } from "../one_file.ts";
import type { ShapedLink } from "../shaped_link.ts";

const MIB = 2 ** 20;
const SIZES = [1 * MIB, 100 * MIB];
const CONNECTIONS = 8;
const DELAY_MS = 50;
const ROUND_TRIP_MS = 2 * DELAY_MS;

/** A distant server. */
export const latency: readonly Scenario[] = SIZES.map((fullSize) => ({
  name: `latency-${fullSize / MIB}`,
  summary: `${formatSize(fullSize)}, ${ROUND_TRIP_MS} ms away, connections: ${CONNECTIONS}`,
  run: async (bench) => {
    const size = bench.scaled(fullSize);
    return {
      title: `${
        formatSize(size)
      } ${bench.places.memory}, connections: ${CONNECTIONS}, ${ROUND_TRIP_MS} ms round trip`,
      notes: [
        `A connection is accepted at once; each byte takes ${DELAY_MS} ms each way, at any rate.`,
        `curl and wget have one connection. trips: round trips from the first request until ${CONNECTIONS} carry data.`,
      ],
      results: await race(bench, bench.tools, {
        size,
        connections: CONNECTIONS,
        link: () => ({ delayMs: DELAY_MS }),
        extra: (_, link) => countTrips(link),
      }),
    };
  },
}));

function countTrips({ connections }: ShapedLink): Record<string, number> {
  const bodies = connections.flatMap(({ bodyAtMs }) => bodyAtMs ?? []).sort((a, b) => a - b);
  const requests = connections.flatMap(({ requestAtMs }) => requestAtMs ?? []);
  const allAtMs = bodies[CONNECTIONS - 1];
  return {
    opened: connections.length,
    ...(allAtMs === undefined ? {} : { trips: (allAtMs - Math.min(...requests)) / ROUND_TRIP_MS }),
  };
}
