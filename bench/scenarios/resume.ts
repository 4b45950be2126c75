import { type Bench, formatSize, type Scenario } from "../bench.ts";
import { compete, type Result } from "../contest.ts";
import type { Sample } from "../measure.ts";
import { OneFile } from "../one_file.ts";
import { ShapedLink } from "../shaped_link.ts";
import type { Tool } from "../tools.ts";

const MIB = 2 ** 20;
const CONNECTIONS = 4;
const KILLED_AT = 0.5;

interface Variant {
  readonly name: string;
  readonly size: number;
  /** Rate of each connection. */
  readonly bytesPerSecond: number;
  readonly rounds?: number;
  /** Whether a tool that can resume takes part. */
  readonly isFor: (tool: Tool) => boolean;
  readonly note: string;
}

const VARIANTS: readonly Variant[] = [
  {
    name: "resume-soon",
    size: 256 * MIB,
    bytesPerSecond: 25e6,
    isFor: () => true,
    note: "curl and wget have one.",
  },
  {
    name: "resume-late",
    size: 128 * MIB,
    bytesPerSecond: 2e6,
    // The scenario takes long, and tools with one connection never lose data.
    rounds: 3,
    isFor: ({ hasConnections }) => hasConnections,
    note: "Those with one connection are not here.",
  },
];

/** Killed half-way, soon or late, then the same command again. */
export const resume: readonly Scenario[] = VARIANTS.map(
  ({ name, size: fullSize, bytesPerSecond, rounds, isFor, note }) => {
    const killedAt = (size: number): string =>
      `after ${(KILLED_AT * size / (CONNECTIONS * bytesPerSecond)).toFixed(1)} s`;
    return {
      name,
      summary: `${formatSize(fullSize)}, killed at ${100 * KILLED_AT} %, ${
        killedAt(fullSize)
      }, then finished`,
      run: async (bench) => {
        const size = bench.scaled(fullSize);
        const tools = bench.tools.filter((tool) => tool.resumes && isFor(tool));
        return {
          title: `${formatSize(size)} ${bench.places.memory}, killed (SIGKILL) at ${
            100 * KILLED_AT
          } %: the second run`,
          notes: [
            `Connections: ${CONNECTIONS}, of ${bytesPerSecond / 1e6} MB/s each, and so half is there ${
              killedAt(size)
            }.`,
            `${note} again MiB: passed twice, of ${formatSize(size * KILLED_AT)}.`,
            "first s: from the start of the second run until it is sent the first bytes of a body.",
          ],
          results: await raceTwice(bench, tools, { size, bytesPerSecond, rounds: bench.rounds(rounds) }),
        };
      },
    };
  },
);

async function raceTwice(
  bench: Bench,
  tools: readonly Tool[],
  { size, bytesPerSecond, rounds }: { size: number; bytesPerSecond: number; rounds: number },
): Promise<Result[]> {
  await using file = await OneFile.open(bench, size);
  const contenders = tools.map(({ name, command }) => ({
    name,
    run: async (isWarmUp: boolean): Promise<Sample> => {
      await using link = await ShapedLink.open(file.port, () => ({ bytesPerSecond }));
      const job = { ...await file.prepare(CONNECTIONS, link), isResume: true };

      const first = file.start(command(job));
      await Promise.race([link.passed(size * KILLED_AT), first.ended]);
      first.kill();
      await first.ended;
      const before = link.connections.length;

      const second = file.start(command(job));
      const sample = await second.sample();
      if (isWarmUp) await file.check(job);
      await file.clear(job);
      const bodies = link.connections.slice(before).flatMap(({ bodyAtMs }) => bodyAtMs ?? []);
      return {
        ...sample,
        extra: {
          "again MiB": (link.passedBytes - size) / MIB,
          "first s": (Math.min(...bodies) - second.startedAtMs) / 1000,
        },
      };
    },
  }));
  return await compete(contenders, rounds);
}
