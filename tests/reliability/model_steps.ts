import type { Dice } from "./run_dice.ts";

/** How a run is ended before its own end, once the server has sent this part of the file. */
export interface Stop {
  readonly how: "pause" | "cancel" | "discard" | "kill";
  readonly at: number;
}

/** How the file on the server becomes another one. */
export type ServerChange = "same size" | "larger" | "smaller" | "validator";

/** One download from its begin to its end. */
export interface RunStep {
  readonly do: "run" | "two at once";
  readonly connections: number;
  readonly pieceSize: number;
  readonly hasChecksum?: boolean;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  readonly prealloc?: boolean;
  readonly stop?: Stop;
  /** Throws the dice for faults of the network. */
  readonly faultSeed?: number;
  readonly change?: { readonly to: ServerChange; readonly at: number };
  /** The disk is full once this part of the file was written. */
  readonly fullAt?: number;
  /** Writes of data, and of nothing else, fail once this part of the file was written. */
  readonly brokenAt?: number;
  /** Somebody else makes a file of the final name once the server has sent this part. */
  readonly putAt?: number;
}

/** What can happen to a download. */
export type Step =
  | RunStep
  | { readonly do: "change"; readonly to: ServerChange }
  | {
    readonly do: "control";
    readonly how: "flip" | "cut" | "remove" | "rubbish" | "newer";
    readonly at: number;
  }
  | {
    readonly do: "part";
    readonly how: "flip" | "cut" | "remove" | "grow" | "copy" | "swap";
    readonly at: number;
  }
  | { readonly do: "final"; readonly how: "remove" | "put" };

/** A server, and what happens to a download from it. */
export interface Sequence {
  readonly size: number;
  readonly validators: "etag and date" | "date";
  readonly steps: readonly Step[];
}

function randomRun(dice: Dice): RunStep {
  const stop: Stop = {
    how: dice.pick(["pause", "cancel", "discard", "kill", "kill", "kill"]),
    at: dice.fraction(),
  };
  const change = { to: randomChange(dice), at: dice.fraction() };
  return {
    do: dice.chance(0.08) ? "two at once" : "run",
    connections: dice.between(1, 5),
    pieceSize: dice.pick([16_384, 65_536, 262_144]),
    ...(dice.chance(0.15) ? { hasChecksum: true } : {}),
    ...(dice.chance(0.15) ? { overwrite: true } : {}),
    ...(dice.chance(0.1) ? { resume: false } : {}),
    ...(dice.chance(0.3) ? { prealloc: true } : {}),
    ...(dice.chance(0.75) ? { stop } : {}),
    ...(dice.chance(0.3) ? { faultSeed: dice.below(1_000_000) } : {}),
    ...(dice.chance(0.15) ? { change } : {}),
    ...(dice.chance(0.12) ? { fullAt: dice.fraction() } : {}),
    ...(dice.chance(0.12) ? { brokenAt: dice.fraction() } : {}),
    ...(dice.chance(0.08) ? { putAt: dice.fraction() } : {}),
  };
}

function randomChange(dice: Dice): ServerChange {
  return dice.pick(["same size", "same size", "larger", "smaller", "validator"]);
}

function randomStep(dice: Dice): Step {
  const at = dice.fraction();
  const kind = dice.fraction();
  if (kind < 0.6) return randomRun(dice);
  if (kind < 0.7) return { do: "change", to: randomChange(dice) };
  if (kind < 0.8) return { do: "control", how: dice.pick(["flip", "cut", "remove", "rubbish", "newer"]), at };
  if (kind < 0.95) {
    return { do: "part", how: dice.pick(["flip", "flip", "cut", "remove", "grow", "copy", "swap"]), at };
  }
  return { do: "final", how: dice.pick(["remove", "put"]) };
}

/** A download that is begun, and things that happen to it. */
export function randomSequence(dice: Dice): Sequence {
  const first: RunStep = { ...randomRun(dice), do: "run", stop: { how: "kill", at: dice.fraction() } };
  return {
    size: dice.between(1_100_000, 2_400_000),
    validators: dice.pick(["etag and date", "date"]),
    steps: [first, ...Array.from({ length: dice.between(2, 7) }, () => randomStep(dice))],
  };
}
