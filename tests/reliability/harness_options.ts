import { parseArgs } from "node:util";

/** What the command line of a harness says. */
export interface GivenOptions {
  readonly seed?: number;
  readonly n?: number;
  readonly only?: string;
}

/** Reads `--seed`, `--n` and `--only`. */
export function givenOptions(args: readonly string[]): GivenOptions {
  const text = { type: "string" } as const;
  const { values: { seed, n, only } } = parseArgs({
    args: [...args],
    options: { seed: text, n: text, only: text },
  });
  return {
    ...(seed !== undefined && { seed: wholeNumber("--seed", seed) }),
    ...(n !== undefined && { n: wholeNumber("--n", n) }),
    ...(only !== undefined && { only }),
  };
}

/** The value of a flag. */
export function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`Cannot use ${flag} ${text}: it is no whole number`);
}
