import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

/** One way to do the job. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
}

/** How a contest is held. */
export interface ContestOptions {
  readonly rounds: number;
  /** Called after each run of the first round, which warms up and is not counted. */
  readonly check: () => Promise<void>;
  /** Makes room for the next run. */
  readonly clear: () => Promise<void>;
}

/** Seconds of each contender, by name. */
export type Times = ReadonlyMap<string, readonly number[]>;

/** The contenders whose program runs here. */
export async function installed(all: readonly Contender[]): Promise<Contender[]> {
  const found = await Promise.all(
    all.map(({ command: [program] }) => run([program!, "--version"]).then(() => true, () => false)),
  );
  return all.filter((_, index) => found[index]);
}

/** Lets all run in turn, round after round, so that they meet the same conditions. */
export async function compete(contenders: readonly Contender[], options: ContestOptions): Promise<Times> {
  const seconds = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= options.rounds; round++) {
    for (const { name, command } of contenders) {
      const startedMs = performance.now();
      await run(command);
      const taken = (performance.now() - startedMs) / 1000;
      if (round === 0) await options.check();
      else seconds.get(name)!.push(taken);
      await options.clear();
    }
  }
  return seconds;
}

/** Runs a command and rejects unless it ends with status 0. */
export async function run([program, ...args]: readonly string[]): Promise<void> {
  const child = spawn(program!, args, { stdio: "ignore" });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Prints a table: median, spread, and the ratio to the contender that `reference` names. */
export function report(times: Times, reference: (name: string) => string): void {
  for (const [name, all] of times) {
    const middle = median(all);
    const range = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
    const other = reference(name);
    const ratio = (middle / median(times.get(other)!)).toFixed(2);
    process.stdout.write(`${name.padEnd(30)} ${middle.toFixed(2)} s  (${range})  ${ratio} x ${other}\n`);
  }
}
