import { cpus, release, totalmem, type } from "node:os";
import type { Scenario, Table } from "./bench.ts";
import { median, type Result } from "./contest.ts";
import type { Sample } from "./measure.ts";
import { type FoundTool, OURS } from "./tools.ts";

const MIB = 2 ** 20;
const NAME_WIDTH = 29;
const SECONDS_WIDTH = 20;
const CPU_WIDTH = 8;
const PEAK_WIDTH = 9;
const RATIO_WIDTH = 7;
const GAP = 2;

/** Date, machine, server and tools of the measurement. */
export interface Circumstances {
  readonly date: string;
  readonly machine: { readonly cores: number; readonly memoryBytes: number; readonly system: string };
  readonly server: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Reads the circumstances from this machine. */
export function describeCircumstances(tools: readonly FoundTool[], server: string): Circumstances {
  return {
    date: new Date().toISOString(),
    machine: { cores: cpus().length, memoryBytes: totalmem(), system: `${type()} ${release()}` },
    server,
    versions: Object.fromEntries(tools.map(({ name, version }) => [name, version])),
  };
}

/** The lines before the first table. */
export function formatCircumstances({ date, machine, server, versions }: Circumstances): string {
  const tools = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${date}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, ${machine.system}`,
    `server: ${server}`,
    ...wrap(tools.join(", ")),
    "s: median (least-most); cpu s: median of user and system; peak: the most MiB resident;",
    "deno/it, bun/it, node/it: time of bytehaul on this runtime divided by that of the row; below 1 it is faster",
  ].join("\n") + "\n";
}

/** A table as lines of at most 100 columns. */
export function formatTable({ name }: Scenario, { title, notes, results }: Table): string {
  const extras = [
    ...new Set(results.flatMap(({ samples }) => samples.flatMap((it) => Object.keys(it.extra ?? {})))),
  ];
  const head = [
    "".padEnd(NAME_WIDTH),
    "s".padStart(SECONDS_WIDTH),
    "cpu s".padStart(CPU_WIDTH),
    "peak".padStart(PEAK_WIDTH),
    ...Object.keys(OURS).map((runtime) => `${runtime}/it`.padStart(RATIO_WIDTH + GAP)),
    ...extras.map((extra) => " ".repeat(GAP) + extra),
  ].join("");
  const lines = results.map((result) => formatResult(result, results, extras));
  return [`\n${name}: ${title}`, ...wrap(notes.join(" ")), head, ...lines].join("\n") + "\n";
}

function formatResult({ name, samples }: Result, all: readonly Result[], extras: readonly string[]): string {
  const unfinished = samples.filter(({ isUnfinished }) => isUnfinished).length;
  if (unfinished > 0) {
    const seconds = samples.find(({ isUnfinished }) => isUnfinished)!.seconds;
    const times = samples.length === 1 ? "" : `, ${unfinished} times of ${samples.length}`;
    return `${name.padEnd(NAME_WIDTH)} did not finish in ${seconds} s${times}`;
  }
  const seconds = samples.map((it) => it.seconds);
  const spread = `(${formatSeconds(Math.min(...seconds))}-${formatSeconds(Math.max(...seconds))})`;
  const peak = Math.max(...samples.map((it) => it.peakBytes)) / MIB;
  return [
    name.padEnd(NAME_WIDTH),
    `${formatSeconds(median(seconds))} ${spread}`.padStart(SECONDS_WIDTH),
    median(samples.map((it) => it.cpuSeconds)).toFixed(2).padStart(CPU_WIDTH),
    peak.toFixed(0).padStart(PEAK_WIDTH),
    ...Object.values(OURS).map((ours) => ratio(all, ours, seconds).padStart(RATIO_WIDTH + GAP)),
    ...extras.map((extra) => formatExtra(samples, extra).padStart(extra.length + GAP)),
  ].join("");
}

function formatSeconds(seconds: number): string {
  return seconds.toFixed(seconds < 0.995 ? 3 : seconds < 99.95 ? 2 : 1);
}

/** The ratio of our median time to the median of `seconds`. */
function ratio(all: readonly Result[], ours: string, seconds: readonly number[]): string {
  const samples = all.find(({ name }) => name === ours)?.samples ?? [];
  if (samples.length === 0 || samples.some(({ isUnfinished }) => isUnfinished)) return "-";
  return (median(samples.map((it) => it.seconds)) / median(seconds)).toFixed(2);
}

function formatExtra(samples: readonly Sample[], name: string): string {
  const values = samples.flatMap(({ extra }) => extra?.[name] ?? []);
  if (values.length === 0) return "-";
  const middle = median(values);
  return Number.isInteger(middle) ? `${middle}` : middle.toFixed(2);
}

function wrap(text: string): string[] {
  return text.match(/.{1,98}(?:\s|$)/g)?.map((line) => line.trimEnd()) ?? [];
}
