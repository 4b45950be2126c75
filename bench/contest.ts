import type { Sample } from "./measure.ts";

/** One way to do the measured job. */
export interface Contender {
  readonly name: string;
  /** Does the job once and cleans up. The warm-up run checks each byte of the result. */
  readonly run: (isWarmUp: boolean) => Promise<Sample>;
}

/** The result of a contender: a sample for each round that counts. */
export interface Result {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Runs all contenders in turn, round after round, so that they meet the same conditions. */
export async function compete(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const samples = contenders.map((): Sample[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { name, run }] of contenders.entries()) {
      const sample = await run(round === 0).catch((cause) => {
        throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      });
      if (round > 0) samples[index]!.push(sample);
    }
  }
  return contenders.map(({ name }, index) => ({ name, samples: samples[index]! }));
}

/** The median of some numbers; for an even count the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}
