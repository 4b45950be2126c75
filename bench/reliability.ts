/**
 * What can go wrong with a download, against bytehaul on Deno and on Bun and the downloaders that are
 * installed, each with the flags of a careful user. A table says what became of the file.
 *
 *     deno run -A bench/reliability.ts [--json] [--only TEXT] [--tool TEXT]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { temporaryDirectory } from "../tests/helpers/temp.ts";
import { HOSTILE_SCENARIOS } from "./reliability_hostile.ts";
import { MACHINE_SCENARIOS } from "./reliability_machine.ts";
import type { Outcome } from "./reliability_run.ts";
import { SERVER_SCENARIOS } from "./reliability_server.ts";
import type { Scenario } from "./reliability_stage.ts";
import { findTools, type Tool } from "./reliability_tools.ts";

const GOOD: readonly Outcome["kind"][] = ["exact", "refused", "unfinished", "none"];

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    tool: { type: "string", default: "" },
  },
});

async function meet(scenario: Scenario, tool: Tool): Promise<Outcome> {
  await using directory = await temporaryDirectory();
  return await scenario.run(tool, directory.path);
}

function show({ kind, note }: Outcome): string {
  const text = kind === "none" ? "–" : GOOD.includes(kind) ? kind : `**${kind}**`;
  return note === undefined ? text : `${text} (${note})`;
}

function printRow(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

const { found, missing } = findTools();
const contenders = found.filter(({ tool }) => tool.name.includes(values.tool));
const scenarios = [...SERVER_SCENARIOS, ...MACHINE_SCENARIOS, ...HOSTILE_SCENARIOS]
  .filter(({ name }) => name.includes(values.only));
if (missing.length > 0) process.stderr.write(`Left out, as not installed: ${missing.join(", ")}\n`);

const results: { scenario: string; tool: string; version: string; outcome: Outcome }[] = [];
if (!values.json) {
  printRow(["scenario", ...contenders.map(({ tool, version }) => `${tool.name} ${version}`)]);
  printRow(["---", ...contenders.map(() => "---")]);
}
for (const scenario of scenarios) {
  const outcomes = await Promise.all(contenders.map(({ tool }) => meet(scenario, tool)));
  outcomes.forEach((outcome, index) => {
    const { tool, version } = contenders[index]!;
    results.push({ scenario: scenario.name, tool: tool.name, version, outcome });
  });
  if (!values.json) printRow([scenario.name, ...outcomes.map(show)]);
}
if (values.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
else {
  const bad = (name: string): number =>
    results.filter(({ tool, outcome }) => tool === name && !GOOD.includes(outcome.kind)).length;
  printRow([`bad of ${scenarios.length}`, ...contenders.map(({ tool }) => `${bad(tool.name)}`)]);
}
