import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../tests/helpers/servers/dnsmasq.ts";
import { temporaryDirectory } from "../../tests/helpers/temp.ts";
import { findTinyproxy, startTinyproxy } from "../../tests/helpers/servers/tinyproxy.ts";
import { formatSize, type Scenario } from "../bench.ts";
import { median, type Result } from "../contest.ts";
import { type Entrant, race } from "../one_file.ts";
import { type Job, OURS, type Tool } from "../tools.ts";

const SIZE = 512 * 2 ** 20;
const CONNECTIONS = 4;
const HOST = `files.${DNSMASQ_DOMAIN}`;

/** The cost of each way to a server: direct, over the connections of our own that custom DNS needs, and through a proxy. */
export const network: Scenario = {
  name: "network",
  summary: `${formatSize(SIZE)} directly, with a DNS server of one's own, and through tinyproxy`,
  run: async (bench) => {
    for (const [program, find] of [["dnsmasq", findDnsmasq], ["tinyproxy", findTinyproxy]] as const) {
      if (await find() === undefined) throw new Error(`Cannot run: ${program} is not installed`);
    }
    await using dir = await temporaryDirectory();
    await using dns = await startDnsmasq({ dir, hosts: { [HOST]: ["127.0.0.1"] }, ttlSeconds: 60 });
    await using proxy = await startTinyproxy(dir);
    const ways = {
      "with DNS": (job: Job, { command }: Tool) => [
        ...command({ ...job, url: job.url.replace("127.0.0.1", HOST) }),
        ...["--dns", `${dns.endpoint.address}:${dns.endpoint.port}`],
      ],
      "by proxy": (job: Job, { command }: Tool) => [...command(job), "--proxy", proxy.url],
    };
    const ours: readonly string[] = Object.values(OURS);
    const entrants = bench.tools.filter(({ name }) => ours.includes(name)).flatMap((tool): Entrant[] => [
      tool,
      ...Object.entries(ways).map(([way, command]) => ({
        name: `${tool.name}, ${way}`,
        command: (job: Job) => command(job, tool),
      })),
    ]);
    const size = bench.scaled(SIZE);
    const results = await race(bench, entrants, { size, connections: CONNECTIONS });
    return {
      title: `${formatSize(size)} ${bench.places.memory}, connections: ${CONNECTIONS}`,
      notes: [
        `Times of the direct way: ${Object.values(OURS).flatMap((it) => compare(results, it)).join("; ")}.`,
      ],
      results,
    };
  },
};

function compare(results: readonly Result[], direct: string): string[] {
  const time = ({ samples }: Result): number => median(samples.map(({ seconds }) => seconds));
  const reference = results.find(({ name }) => name === direct);
  if (reference === undefined) return [];
  return results.filter(({ name }) => name.startsWith(`${direct},`))
    .map((result) => `${result.name} ${(time(result) / time(reference)).toFixed(2)}`);
}
