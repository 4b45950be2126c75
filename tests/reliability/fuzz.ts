// Hostile input for everything that reads what others wrote: no crash, no escape, no wrong success.
import { Dice } from "./run_dice.ts";
import { fuzzControl } from "./fuzz_control.ts";
import {
  fuzzContentLength,
  fuzzContentRange,
  fuzzDigest,
  fuzzResponse,
  fuzzRetryAfter,
  fuzzValidators,
} from "./fuzz_headers.ts";
import { fuzzHarmlessName, fuzzName } from "./fuzz_names.ts";
import { fuzzCookies, fuzzDns, fuzzRedirects } from "./fuzz_net.ts";
import { type Harness, indexesOf, runHarness, show, type Verdict } from "./run_harness.ts";

interface Fuzzer {
  readonly name: string;
  /** Cases for each hundred of `n`. */
  readonly share: number;
  /** Inputs in one case. */
  readonly inputs?: number;
  readonly run: (dice: Dice) => void | Promise<void>;
}

const FUZZERS: readonly Fuzzer[] = [
  { name: "control files", share: 10, run: fuzzControl },
  { name: "names", share: 34, inputs: 3, run: fuzzName },
  { name: "harmless names", share: 5, run: fuzzHarmlessName },
  { name: "Content-Range", share: 20, run: fuzzContentRange },
  { name: "Retry-After", share: 20, run: fuzzRetryAfter },
  { name: "Content-Length", share: 10, run: fuzzContentLength },
  { name: "validators", share: 10, run: fuzzValidators },
  { name: "responses", share: 20, run: fuzzResponse },
  { name: "digests", share: 10, run: fuzzDigest },
  { name: "redirects", share: 3, run: fuzzRedirects },
  { name: "cookie files", share: 5, run: fuzzCookies },
  { name: "DNS answers", share: 10, run: fuzzDns },
];
const MAX_FAILURES = 20;

/** `rel:fuzz`: 10,000 control files, 100,000 names and as many fields for an `n` of 100,000. */
export const fuzz: Harness = {
  name: "rel:fuzz",
  n: 100_000,
  async run({ seed, n, only }): Promise<Verdict> {
    const failures: string[] = [];
    const figures: string[] = [];
    for (const { name, share, inputs = 1, run } of FUZZERS) {
      const cases = Math.ceil(n * share / 100);
      for (const index of indexesOf(cases, only)) {
        try {
          const pending = run(new Dice(seed, index));
          if (pending !== undefined) await pending;
        } catch (error) {
          if (failures.length < MAX_FAILURES) failures.push(`case ${index} of ${name}: ${show(error)}`);
        }
      }
      figures.push(`${cases * inputs} ${name}`);
    }
    return { figures: figures.join(", "), failures };
  },
};

if (import.meta.main) await runHarness(fuzz);
