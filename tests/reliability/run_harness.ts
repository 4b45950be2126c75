/**
 * What the reliability harnesses have in common: their options, runs side by side, and the line they print.
 *
 * @module
 */
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { givenOptions, wholeNumber } from "./harness_options.ts";
import type { Findings } from "./tally.ts";

/** How much a harness does, and with which dice. */
export interface HarnessOptions {
  readonly seed: number;
  /** Runs, or cases. */
  readonly n: number;
  /** Only this one of them, to look at one that failed: its number, or the start of its name. */
  readonly only?: string | undefined;
}

/** What a harness found. */
export interface Verdict {
  readonly figures: string;
  /** Each an invariant that fell. */
  readonly failures: readonly string[];
}

/** One harness. */
export interface Harness {
  readonly name: string;
  /** Runs in the short mode. */
  readonly n: number;
  run(options: HarnessOptions): Promise<Verdict>;
}

const MAX_FAILURES_SHOWN = 20;
/** Connections that both sides have closed may take the runtime a moment. */
const MUST_END_WITHIN_MS = 5000;

/** Runs a harness with the options of the command line; exit status 1 when an invariant fell. */
export async function runHarness(harness: Harness): Promise<void> {
  const given = givenOptions(process.argv.slice(2));
  const { seed = 1, n = harness.n, only } = given;
  const unhandled: string[] = [];
  process.on("unhandledRejection", (reason) => unhandled.push(`unhandled rejection: ${show(reason)}`));
  const startedMs = performance.now();
  const verdict = await harness.run({ seed, n, only });
  const failures = [...verdict.failures, ...unhandled];
  for (const failure of failures.slice(0, MAX_FAILURES_SHOWN)) print(`  FAILED ${failure}`);
  const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  const runtime = "Deno" in globalThis ? "Deno" : "Bun" in globalThis ? "Bun" : "Node";
  print(
    `${harness.name} --seed ${seed} --n ${n} (${runtime}, ${took}): ${verdict.figures}; ${failures.length} failures`,
  );
  if (failures.length > 0) process.exitCode = 1;
  const timer = setTimeout(() => {
    print(`  FAILED I7: ${harness.name} is over and its process does not end: something still waits`);
    process.exit(1);
  }, MUST_END_WITHIN_MS);
  timer.unref();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** An error as one line. */
export function show(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? ` [${String(error.code)}]` : "";
  return `${error.name}${code}: ${error.message.split("\n").slice(0, 4).join(" | ")}`;
}

/** The numbers of the runs: all below `n`, or the one that `--only` names. */
export function indexesOf(n: number, only: string | undefined): readonly number[] {
  return only === undefined ? Array.from({ length: n }, (_, index) => index) : [wholeNumber("--only", only)];
}

/** Whether `--only` names the case, a group of cases that it is in, or a case below it. */
export function isWanted(name: string, only = ""): boolean {
  return `${name}:`.startsWith(only) || only.startsWith(`${name}:`);
}

/** The verdict of a harness whose cases have names. */
export function verdictOf(findings: Findings): Verdict {
  const { failures } = findings;
  if (findings.get("runs") > 0) return { figures: findings.show(), failures };
  return { figures: "no runs", failures: [...failures, "nothing was run: --only names no case"] };
}

/** Runs `work` for each number below `n`, some at a time; what a run throws becomes a failure with its number. */
export async function runMany(
  { n, only }: HarnessOptions,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<string[]> {
  const failures: string[] = [];
  const indexes = indexesOf(n, only).values();
  const lane = async () => {
    for (const index of indexes) {
      await work(index).catch((error) => failures.push(`run ${index}: ${show(error)}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return failures;
}

/** What `promise` comes to; throws when that takes longer than `ms`. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
