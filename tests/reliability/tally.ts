/** The value below which `part` of the values lie; 0 of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

/** Counts things by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, this.get(name) + count);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The sum of all whose name starts with `prefix`. */
  total(prefix: string): number {
    return [...this.#counts].reduce((sum, [name, count]) => name.startsWith(prefix) ? sum + count : sum, 0);
  }

  /** `name count` of all whose name starts with `prefix`, which is left out. */
  show(prefix = ""): string {
    const entries = [...this.#counts].filter(([name]) => name.startsWith(prefix));
    entries.sort(([a], [b]) => a.localeCompare(b));
    return entries.map(([name, count]) => `${name.slice(prefix.length)} ${count}`).join(", ") || "none";
  }
}

/** What a harness found whose cases have names. */
export class Findings extends Tally {
  readonly failures: string[] = [];
  readonly #kinds = new Tally();
  readonly #values = new Map<string, number[]>();

  /** Notes that an invariant fell in the case that `--only name` runs again. */
  fail(name: string, kind: string, detail: string): void {
    this.failures.push(`--only ${JSON.stringify(name)}: ${kind}: ${detail}`);
    this.#kinds.add(kind);
  }

  /** Takes one value of a distribution. */
  measure(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }

  /** The counts, what was measured, and the failures by kind. */
  override show(prefix = ""): string {
    return [
      super.show(prefix),
      ...[...this.#values].map(([name, values]) => `${name} ${spread(values)}`),
      ...(this.failures.length === 0 ? [] : [`failed: ${this.#kinds.show()}`]),
    ].join("; ");
  }
}

function spread(values: readonly number[]): string {
  return `p50 ${percentile(values, 0.5)}, p95 ${percentile(values, 0.95)}, max ${percentile(values, 1)}`;
}
