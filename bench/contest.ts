import type { Sample } from "./measure.ts";

/** One way to do the job. */
export interface Contender {
  readonly name: string;
  /** Does the job once and tidies up; checks each byte of the result when it is the run that warms up. */
  readonly run: (isWarmUp: boolean) => Promise<Sample>;
}

/** What became of a contender: a sample for each round that counts. */
export interface Result {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Lets all run in turn, round after round, so that they meet the same conditions. */
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

/** The middle of some numbers; of an even count the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}
