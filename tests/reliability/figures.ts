import process from "node:process";
import { givenOptions } from "./harness_options.ts";
import { percentile } from "./run_harness.ts";

/** How much to run, and which part of it. */
export interface HarnessOptions {
  readonly seed: number;
  /** How often over. */
  readonly n: number;
  /** The start of the names of the cases to run. */
  readonly only: string;
}

/** A case in which an invariant fell. */
export interface Failure {
  /** What `--only` takes to run it again. */
  readonly name: string;
  readonly kind: string;
  readonly detail: string;
}

/** Counts what came of the runs of one harness. */
export class Figures {
  readonly failures: Failure[] = [];
  runs = 0;
  readonly #counts = new Map<string, number>();
  readonly #values = new Map<string, number[]>();

  count(what: string): void {
    this.#counts.set(what, this.counted(what) + 1);
  }

  counted(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** Takes one value of a distribution. */
  measure(what: string, value: number): void {
    const values = this.#values.get(what) ?? [];
    values.push(value);
    this.#values.set(what, values);
  }

  fail(name: string, kind: string, detail: string): void {
    this.failures.push({ name, kind, detail });
  }

  /** Everything on one line. */
  line(): string {
    const kinds = new Map<string, number>();
    for (const { kind } of this.failures) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    return [
      `${this.runs} runs`,
      `${this.failures.length} failures${kinds.size === 0 ? "" : ` (${listed(kinds)})`}`,
      listed(this.#counts),
      ...[...this.#values].map(([what, values]) => `${what} ${distribution(values)}`),
    ].filter((part) => part !== "").join("; ");
  }
}

/** Runs a harness from the command line: prints its seed, its failures and its line; the exit status is 1 if any failed. */
export async function runHarness(
  name: string,
  defaults: Omit<HarnessOptions, "only">,
  run: (options: HarnessOptions) => Promise<Figures>,
): Promise<void> {
  const options = { only: "", ...defaults, ...givenOptions(process.argv.slice(2)) };
  const startedMs = performance.now();
  const figures = await run(options);
  for (const { name: failed, kind, detail } of figures.failures.slice(0, MAX_SHOWN)) {
    process.stdout.write(
      `${kind}: ${detail}\n  again: --seed ${options.seed} --n ${options.n} --only ${failed}\n`,
    );
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${name} --seed ${options.seed} --n ${options.n}: ${figures.line()}; ${seconds} s\n`);
  if (figures.failures.length > 0 || figures.runs === 0) process.exitCode = 1;
}

const MAX_SHOWN = 10;

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([what, count]) => `${what} ${count}`).join(", ");
}

function distribution(values: readonly number[]): string {
  return `p50 ${percentile(values, 0.5)}, p95 ${percentile(values, 0.95)}, max ${percentile(values, 1)}`;
}
