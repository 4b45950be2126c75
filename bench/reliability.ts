/**
 * Compares bytehaul on Deno, Bun and Node with the installed downloaders when something goes wrong. Each gets
 * the flags of a careful user. A table shows the outcome for the file.
 *
 * deno run -A bench/reliability.ts [--table odd|faults] [--json] [--only TEXT] [--tool TEXT]
 *
 * There are two tables. `faults`: a tool is right if it fetches the file or refuses it. `odd`: the servers
 * are odd, but they have the file and can send it.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { temporaryDirectory } from "../tests/helpers/temp.ts";
import { HOSTILE_SCENARIOS } from "./reliability_hostile.ts";
import { MACHINE_SCENARIOS } from "./reliability_machine.ts";
import { ODD_SCENARIOS } from "./reliability_odd.ts";
import type { Outcome } from "./reliability_run.ts";
import { SERVER_SCENARIOS } from "./reliability_server.ts";
import type { Scenario } from "./reliability_stage.ts";
import { findTools, type Tool } from "./reliability_tools.ts";

const GOOD: readonly Outcome["kind"][] = ["exact", "refused", "unfinished", "none"];
const FAULTS: readonly Scenario[] = [...SERVER_SCENARIOS, ...MACHINE_SCENARIOS, ...HOSTILE_SCENARIOS];
const TABLES: Readonly<Record<string, readonly Scenario[]>> = { faults: FAULTS, odd: ODD_SCENARIOS };

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    table: { type: "string", default: "" },
    tool: { type: "string", default: "" },
  },
});

/** Outcome of one scenario with one tool. */
interface Result {
  readonly table: string;
  readonly scenario: string;
  readonly tool: string;
  readonly version: string;
  readonly outcome: Outcome;
}

async function meet(scenario: Scenario, tool: Tool): Promise<Outcome> {
  await using directory = await temporaryDirectory();
  return await scenario.run(tool, directory.path);
}

function show({ kind, note }: Outcome): string {
  const text = kind === "none" ? "–" : GOOD.includes(kind) ? kind : `**${kind}**`;
  return note === undefined ? text : `${text} (${note})`;
}

function printRow(cells: readonly string[]): void {
  if (!values.json) process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

/** Runs every scenario of a table with every tool, and prints the table. */
async function runTable(table: string, scenarios: readonly Scenario[]): Promise<Result[]> {
  const results: Result[] = [];
  printRow(["scenario", ...contenders.map(({ tool, version }) => `${tool.name} ${version}`)]);
  printRow(["---", ...contenders.map(() => "---")]);
  for (const { name, run } of scenarios) {
    const outcomes = await Promise.all(contenders.map(({ tool }) => meet({ name, run }, tool)));
    outcomes.forEach((outcome, index) => {
      const { tool, version } = contenders[index]!;
      results.push({ table, scenario: name, tool: tool.name, version, outcome });
    });
    printRow([name, ...outcomes.map(show)]);
  }
  const counts = (isCounted: (result: Result) => boolean) =>
    contenders.map(({ tool: { name } }) =>
      `${results.filter((result) => result.tool === name && isCounted(result)).length}`
    );
  printRow([`bad of ${scenarios.length}`, ...counts(({ outcome: { kind } }) => !GOOD.includes(kind))]);
  const owed = new Set(ODD_SCENARIOS.filter(({ right }) => right === "fetch").map(({ name }) => name));
  const rows = scenarios.filter(({ name }) => owed.has(name));
  if (rows.length > 0) {
    const isFetched = ({ scenario, outcome: { kind } }: Result) => owed.has(scenario) && kind === "exact";
    printRow([`exact of the ${rows.length} that nobody has a reason to refuse`, ...counts(isFetched)]);
  }
  return results;
}

if (!["", ...Object.keys(TABLES)].includes(values.table)) {
  throw new RangeError(`Cannot use --table ${values.table}: expected ${Object.keys(TABLES).join(" or ")}`);
}
const { found, missing } = findTools();
const contenders = found.filter(({ tool }) => tool.name.includes(values.tool));
if (missing.length > 0) process.stderr.write(`Left out, as not installed: ${missing.join(", ")}\n`);

const results: Result[] = [];
for (const [table, all] of Object.entries(TABLES)) {
  const scenarios = all.filter(({ name }) => name.includes(values.only));
  if (!table.includes(values.table) || scenarios.length === 0) continue;
  if (results.length > 0 && !values.json) process.stdout.write("\n");
  results.push(...await runTable(table, scenarios));
}
if (values.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
