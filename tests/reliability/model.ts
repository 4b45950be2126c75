// Random sequences of what can happen to a download; one that breaks an invariant is made short and printed as a test.
import process from "node:process";
import { randomSequence, type Sequence } from "./model_steps.ts";
import { World } from "./model_world.ts";
import { Dice } from "./run_dice.ts";
import { type Harness, type HarnessOptions, runHarness, runMany, show, type Verdict } from "./run_harness.ts";

const AT_ONCE = 6;
/** What a failure that depends on the moment may need to come again. */
const TRIES = 3;

/** Does what a sequence says, and throws where an invariant falls. For tests that keep a failure. */
export async function replay(sequence: Sequence): Promise<void> {
  await using world = await World.open(sequence);
  for (const step of sequence.steps) await world.take(step);
  await world.finish();
}

async function failureOf(sequence: Sequence): Promise<unknown> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      await replay(sequence);
    } catch (error) {
      return error;
    }
  }
  return undefined;
}

/** Leaves out steps one by one for as long as what is left fails. */
async function shrink(sequence: Sequence): Promise<Sequence> {
  let shortest = sequence;
  for (let index = 0; index < shortest.steps.length;) {
    const shorter = { ...shortest, steps: shortest.steps.toSpliced(index, 1) };
    if (await failureOf(shorter) === undefined) index++;
    else shortest = shorter;
  }
  return shortest;
}

function asTest(sequence: Sequence, failure: unknown): string {
  const steps = sequence.steps.map((step) => `      ${JSON.stringify(step)},\n`).join("");
  return `test(${JSON.stringify(show(failure))}, async () => {
  await replay({
    size: ${sequence.size},
    validators: ${JSON.stringify(sequence.validators)},
    steps: [
${steps}    ],
  });
});
`;
}

/** `rel:model`: random sequences of everything that happens to downloads. */
export const model: Harness = {
  name: "rel:model",
  n: 40,
  async run(options: HarnessOptions): Promise<Verdict> {
    let sequences = 0;
    let steps = 0;
    const failing: { sequence: Sequence; error: unknown }[] = [];
    const failures = await runMany(options, AT_ONCE, async (index) => {
      const sequence = randomSequence(new Dice(options.seed, index));
      try {
        await replay(sequence);
        sequences++;
        steps += sequence.steps.length;
      } catch (error) {
        failing.push({ sequence, error });
        throw error;
      }
    });
    // Afterwards, when nothing else takes the processor's time. One is enough to begin with.
    const [first] = failing;
    if (first !== undefined) {
      const sequence = await shrink(first.sequence);
      process.stdout.write(asTest(sequence, await failureOf(sequence) ?? first.error));
    }
    return { figures: `${sequences} sequences of ${steps} steps held`, failures };
  },
};

if (import.meta.main) await runHarness(model);
