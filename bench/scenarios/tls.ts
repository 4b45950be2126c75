import { formatSize, type Scenario } from "../bench.ts";
import { race } from "../one_file.ts";

const SIZE = 2 ** 30;
const CONNECTIONS = 4;

/** One file over TLS, as fast as the machine allows. */
export const tls: readonly Scenario[] = [false, true].map((http2) => ({
  name: http2 ? "tls-http2" : "tls-http1",
  summary: `${formatSize(SIZE)} over TLS, HTTP/2 ${http2 ? "" : "not "}offered`,
  run: async (bench) => {
    const size = bench.scaled(SIZE);
    const entrants = bench.tools.filter(({ trusts }) => trusts);
    const isOut = bench.tools.filter(({ trusts }) => !trusts).map(({ name }) => name);
    return {
      title: `${formatSize(size)} over TLS ${bench.places.memory}, connections: ${CONNECTIONS}`,
      notes: [
        `The server ${http2 ? "offers HTTP/2, too" : "speaks HTTP/1.1 only"}.`,
        ...(isOut.length === 0
          ? []
          : [`Not told which authority to trust, and so not here: ${isOut.join(", ")}.`]),
      ],
      results: await race(bench, entrants, { size, connections: CONNECTIONS, tls: { http2 } }),
    };
  },
}));
