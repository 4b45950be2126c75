import type { NumberRule } from "../option_checks.ts";

/** How the text after a flag is read. */
export interface FlagValue<T> {
  /** The value, or `undefined` when the text is none. */
  readonly parse: (text: string) => T | undefined;
  /** What would be right; it stands after "expected" in a message. */
  readonly expected: string;
}

const UNITS = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const;

function within(value: number, { min, max }: NumberRule): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

/** A whole number. */
export function count(rule: NumberRule): FlagValue<number> {
  return {
    parse: (text) => /^\d+$/.test(text) ? within(Number(text), rule) : undefined,
    expected: `a whole number from ${rule.min} to ${rule.max}`,
  };
}

/** A number of bytes, with a unit of 1024 if one is given. */
export function size(rule: NumberRule): FlagValue<number> {
  const { min, max } = rule;
  const range = max < Number.MAX_SAFE_INTEGER
    ? ` from ${shortSize(min)} to ${shortSize(max)}`
    : min > 0
    ? ` of at least ${shortSize(min)}`
    : "";
  return {
    parse: (text) => {
      const match = /^(\d+\.?\d*|\.\d+)(?:([kmgt])(?:ib)?)?$/i.exec(text);
      if (match === null) return undefined;
      const unit = (match[2] ?? "").toLowerCase() as keyof typeof UNITS;
      // Rounded up, so that a tiny rate does not become 0, which would be no limit at all.
      return within(Math.ceil(Number(match[1]) * UNITS[unit]), rule);
    },
    expected: `a size${range}, such as 65536, 500k, 1.5M or 2G`,
  };
}

/** Seconds, perhaps with a fraction, read as milliseconds. */
export function seconds(rule: NumberRule): FlagValue<number> {
  const end = rule.max === Infinity ? "" : ` to ${rule.max / 1000}`;
  return {
    parse: (text) =>
      /^(\d+\.?\d*|\.\d+)$/.test(text) ? within(Math.round(Number(text) * 1000), rule) : undefined,
    expected: `seconds from ${rule.min / 1000}${end}, such as 2 or 0.5`,
  };
}

/** One of a few words. */
export function choice<T extends string>(...words: readonly T[]): FlagValue<T> {
  return {
    parse: (text) => words.find((word) => word === text),
    expected: words.join(" or "),
  };
}

/** Text that is judged elsewhere. */
export const text: FlagValue<string> = {
  parse: (given) => given === "" ? undefined : given,
  expected: "something that is not empty",
};

/** Where the file goes. */
export const outputFile: FlagValue<string> = {
  parse: (given) => given === "" || given === "-" ? undefined : given,
  expected: 'the path of a file; there is no output to a pipe, and "./-" names a file called "-"',
};

/** A header field, taken apart. */
export const headerField: FlagValue<[name: string, value: string]> = {
  parse: (given) => {
    const colon = given.indexOf(":");
    if (colon < 1 || /[\r\n]/.test(given)) return undefined;
    const field: [string, string] = [given.slice(0, colon), given.slice(colon + 1).trim()];
    try {
      new Headers([field]);
    } catch {
      return undefined;
    }
    return field;
  },
  expected: '"Name: value" on one line, in characters that HTTP allows',
};

function shortSize(bytes: number): string {
  for (const unit of ["t", "g", "m", "k"] as const) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) {
      return `${bytes / UNITS[unit]}${unit === "k" ? unit : unit.toUpperCase()}`;
    }
  }
  return String(bytes);
}
