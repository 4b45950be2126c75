/**
 * Compares bytehaul on Deno, Bun and Node with the installed downloaders. All fetch from a server on this
 * machine, in turn, round after round, so that they meet the same conditions. GNU time measures each run.
 *
 * deno task bench [SCENARIO...] [--tools NAME,...] [--rounds N] [--scale FACTOR] [--json] [--list]
 *
 * A SCENARIO is a name of `--list`, or the first part of several names: `bulk` is every scenario with
 * `bulk-`. Without a SCENARIO all are run. `--tools bytehaul,curl` runs only these tools; some of the others
 * take very long. `--scale 0.1` makes the files smaller, for a quick look. The exit status is 1 if a scenario
 * failed or needs a program that is not installed; the other scenarios still run.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { Bench, type BenchOptions, type Scenario, type Table } from "./bench.ts";
import { requireGnuTime } from "./measure.ts";
import { describeCircumstances, formatCircumstances, formatTable } from "./report.ts";
import { chooseScenarios, SCENARIOS } from "./scenarios/all.ts";
import { findTools, type FoundTool } from "./tools.ts";
import { describeWebServer } from "./web_server.ts";

const print = (text: string): void => void process.stdout.write(text);

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tools: { type: "string", default: "" },
      rounds: { type: "string" },
      scale: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, summary } of SCENARIOS) print(`${name.padEnd(18)} ${summary}\n`);
    return;
  }
  await runAll(chooseScenarios(positionals), chooseTools(values.tools), values.json, {
    rounds: values.rounds === undefined
      ? undefined
      : parseNumber("--rounds", values.rounds, Number.isInteger),
    scale: parseNumber("--scale", values.scale, Number.isFinite),
  });
}

/**
 * The tools whose names begin with one of the words, which are separated by commas; without words, all tools.
 */
function chooseTools(words: string): readonly FoundTool[] {
  const all = findTools();
  for (const word of words.split(",")) {
    if (all.some(({ name }) => name.startsWith(word))) continue;
    throw new Error(`Cannot use --tools "${word}": here are ${all.map(({ name }) => name).join(", ")}`);
  }
  return all.filter(({ name }) => words.split(",").some((word) => name.startsWith(word)));
}

async function runAll(
  scenarios: readonly Scenario[],
  tools: readonly FoundTool[],
  isJson: boolean,
  options: BenchOptions,
): Promise<void> {
  requireGnuTime();
  const circumstances = describeCircumstances(tools, await describeWebServer());
  if (!isJson) print(formatCircumstances(circumstances));
  const tables: (Table & { readonly name: string })[] = [];
  let isInterrupted = false;
  const interrupt = (): void => void (isInterrupted = true);
  process.on("SIGINT", interrupt);
  for (const scenario of scenarios) {
    if (isInterrupted) break;
    try {
      await using bench = await Bench.open(tools, options);
      const table = await scenario.run(bench);
      tables.push({ name: scenario.name, ...table });
      if (!isJson) print(formatTable(scenario, table));
    } catch (error) {
      process.stderr.write(`${scenario.name}: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
  process.removeListener("SIGINT", interrupt);
  if (isJson) print(`${JSON.stringify({ ...circumstances, scenarios: tables }, null, 2)}\n`);
}

function parseNumber(flag: string, text: string, isRight: (value: number) => boolean): number {
  const value = Number(text);
  if (isRight(value) && value > 0) return value;
  throw new Error(`Cannot use ${flag} ${text}: it takes a number above 0`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
