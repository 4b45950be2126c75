import type { Scenario } from "../bench.ts";
import { bulk } from "./bulk.ts";
import { capped } from "./capped.ts";
import { huge } from "./huge.ts";
import { latency } from "./latency.ts";
import { many } from "./many.ts";
import { network } from "./network.ts";
import { resume } from "./resume.ts";
import { start } from "./start.ts";
import { tls } from "./tls.ts";
import { uneven } from "./uneven.ts";
import { verify } from "./verify.ts";

/** All scenarios, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...bulk,
  ...tls,
  verify,
  capped,
  uneven,
  ...latency,
  ...many,
  ...resume,
  start,
  huge,
  network,
];

/** The scenarios that the words name: one by its name, or a group by the part before the dash. */
export function chooseScenarios(words: readonly string[]): readonly Scenario[] {
  const isMeant = (word: string, { name }: Scenario): boolean => name === word || name.startsWith(`${word}-`);
  for (const word of words) {
    if (SCENARIOS.some((scenario) => isMeant(word, scenario))) continue;
    const known = SCENARIOS.map(({ name }) => name).join(", ");
    throw new Error(`Cannot run ${word}: no scenario has this name; there are ${known}`);
  }
  return words.length === 0 ? SCENARIOS : SCENARIOS.filter((it) => words.some((word) => isMeant(word, it)));
}
