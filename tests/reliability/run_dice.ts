import { seededRandom } from "../../testing/content.ts";

/** Random choices that a seed repeats. */
export class Dice {
  readonly #random: () => number;

  /** Run `index` of a harness with `seed` throws the same dice every time. */
  constructor(seed: number, index = 0) {
    this.#random = seededRandom(Math.imul(seed, 1_000_003) + index);
  }

  /** A number in `[0, 1)`. */
  fraction(): number {
    return this.#random();
  }

  /** A whole number in `[0, end)`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** A whole number from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}
