import { MemoryBudget } from "../../src/flow/memory_budget.ts";

/** Watches every memory budget while it exists. */
export class PoolWatch implements Disposable {
  readonly #pools = new Set<MemoryBudget>();
  readonly #exhausted = Promise.withResolvers<void>();
  readonly #tryTake = MemoryBudget.prototype.tryTake;

  constructor() {
    const { tryTake } = MemoryBudget.prototype;
    const seen = (pool: MemoryBudget, found: boolean) => {
      this.#pools.add(pool);
      if (!found) this.#exhausted.resolve();
    };
    MemoryBudget.prototype.tryTake = function (this: MemoryBudget) {
      const block = tryTake.call(this);
      seen(this, block !== undefined);
      return block;
    };
  }

  /** The pools that gave or refused a block, in that order. */
  get pools(): readonly MemoryBudget[] {
    return [...this.#pools];
  }

  /** Resolves when somebody first found no block. */
  get exhausted(): Promise<void> {
    return this.#exhausted.promise;
  }

  /** Ends the watch. */
  [Symbol.dispose](): void {
    MemoryBudget.prototype.tryTake = this.#tryTake;
  }
}
