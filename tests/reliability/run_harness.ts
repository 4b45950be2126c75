/**
 * What the reliability harnesses have in common: their options, runs side by side, and the line they print.
 *
 * @module
 */
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { givenOptions, wholeNumber } from "./harness_options.ts";

/** How much a harness does, and with which dice. */
export interface HarnessOptions {
  readonly seed: number;
  /** Runs, or cases. */
  readonly n: number;
  /** Only this run of them, to look at one that failed. */
  readonly only?: number | undefined;
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
  const { seed = Date.now() % 1_000_000, n = harness.n, only: index } = givenOptions(process.argv.slice(2));
  const only = index === undefined ? undefined : wholeNumber("--only", index);
  const unhandled: string[] = [];
  process.on("unhandledRejection", (reason) => unhandled.push(`unhandled rejection: ${show(reason)}`));
  const startedMs = performance.now();
  const verdict = await harness.run({ seed, n, only });
  const failures = [...verdict.failures, ...unhandled];
  for (const failure of failures.slice(0, MAX_FAILURES_SHOWN)) print(`  FAILED ${failure}`);
  const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  const runtime = "Deno" in globalThis ? "Deno" : "Bun";
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

/** Runs `work` for each number below `n`, some at a time; what a run throws becomes a failure with its number. */
export async function runMany(
  { n, only }: HarnessOptions,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<string[]> {
  const failures: string[] = [];
  const indexes = (only === undefined ? Array.from({ length: n }, (_, index) => index) : [only]).values();
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

/** The value below which `part` of the values lie; 0 of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

/** Counts things by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, this.get(name) + count);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The sum of all whose name starts with `prefix`. */
  total(prefix: string): number {
    return [...this.#counts].reduce((sum, [name, count]) => name.startsWith(prefix) ? sum + count : sum, 0);
  }

  /** `name count` of all whose name starts with `prefix`, which is left out. */
  show(prefix = ""): string {
    const entries = [...this.#counts].filter(([name]) => name.startsWith(prefix));
    entries.sort(([a], [b]) => a.localeCompare(b));
    return entries.map(([name, count]) => `${name.slice(prefix.length)} ${count}`).join(", ") || "none";
  }
}
