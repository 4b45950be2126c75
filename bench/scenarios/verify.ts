import { formatSize, type Scenario } from "../bench.ts";
import { type Entrant, race } from "../one_file.ts";
import { type Job, OURS, type Tool } from "../tools.ts";

const SIZE = 2 ** 30;
const CONNECTIONS = 4;

/** The cost of a checksum. */
export const verify: Scenario = {
  name: "verify",
  summary: `${formatSize(SIZE)}, compared with its SHA-256`,
  run: async (bench) => {
    const size = bench.scaled(SIZE);
    const ours: readonly string[] = Object.values(OURS);
    const entrants = [
      ...bench.tools.filter(({ verifies }) => verifies),
      ...bench.tools.filter(({ name }) => name === "curl").map(thenSha256sum),
      ...bench.tools.filter(({ name }) => ours.includes(name)).map(unverified),
    ];
    return {
      title: `${formatSize(size)} ${bench.places.memory}, connections: ${CONNECTIONS}, SHA-256 checked`,
      notes: [],
      results: await race(bench, entrants, { size, connections: CONNECTIONS, isVerified: true }),
    };
  },
};

function thenSha256sum({ name, command }: Tool): Entrant {
  const check = 'expected=$1; shift; "$@" && echo "$expected" | sha256sum -c --status';
  return {
    name: `${name}, then sha256sum`,
    command: (job) => ["sh", "-c", check, "sh", `${job.sha256}  ${job.dir}/${job.file}`, ...command(job)],
  };
}

function unverified({ name, command }: Tool): Entrant {
  return {
    name: `${name}, no checksum`,
    command: ({ sha256: _, ...job }: Job) => command(job),
  };
}
