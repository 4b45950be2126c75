import type { NumberRange } from "../../options/defaults.ts";

/** How the value of a flag is parsed. */
export interface FlagValue<T> {
  /** The value, or `undefined` when the text is not valid. */
  readonly parse: (text: string) => T | undefined;
  /** The description of a valid value. It follows "expected" in a message. */
  readonly expected: string;
}

/** How the value of an option is parsed, and how it is shown as a default. */
export interface OptionValue<T> extends FlagValue<T> {
  /** A value as the command line has it. */
  readonly show: (value: T) => string;
}

const NO_LIMIT = "no limit";

const UNITS = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const;

function within(value: number, { min, max }: NumberRange): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

/** A whole number. */
export function count(rule: NumberRange): OptionValue<number> {
  return {
    parse: (text) => /^\d+$/.test(text) ? within(Number(text), rule) : undefined,
    expected: rule.max === Infinity
      ? `a whole number of at least ${rule.min}`
      : `a whole number from ${rule.min} to ${rule.max}`,
    show: (value) => value === Infinity ? NO_LIMIT : String(value),
  };
}

/** A whole number, or a word instead of one. */
export function countOr<T extends string>(word: T, rule: NumberRange): OptionValue<number | T> {
  const { parse, expected } = count(rule);
  return {
    parse: (text) => text === word ? word : parse(text),
    expected: `${expected}, or ${word}`,
    show: String,
  };
}

/** A number of bytes, optionally with a unit. Units are powers of 1024. */
export function size(rule: NumberRange): OptionValue<number> {
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
      // Rounded up, so that a tiny rate does not become 0, which means no limit.
      return within(Math.ceil(Number(match[1]) * UNITS[unit]), rule);
    },
    expected: `a size${range}, in bytes or with k, M, G or T (of 1024), such as 500k or 1.5M`,
    show: (value) => value === Infinity ? NO_LIMIT : shortSize(value),
  };
}

/** Seconds, optionally with a fraction, converted to milliseconds. */
export function seconds(rule: NumberRange): OptionValue<number> {
  const end = rule.max === Infinity ? "" : ` to ${rule.max / 1000}`;
  return {
    parse: (text) =>
      /^(\d+\.?\d*|\.\d+)$/.test(text) ? within(Math.round(Number(text) * 1000), rule) : undefined,
    expected: `seconds from ${rule.min / 1000}${end}, such as 2 or 0.5`,
    show: (value) => value === Infinity ? NO_LIMIT : String(value / 1000),
  };
}

/** One of a few words. */
export function choice<T extends string>(...words: readonly T[]): OptionValue<T> {
  return {
    parse: (text) => words.find((word) => word === text),
    expected: words.join(" or "),
    show: (value) => value,
  };
}

/** Text that is checked elsewhere. */
export const text: OptionValue<string> = {
  parse: (given) => given === "" ? undefined : given,
  expected: "something that is not empty",
  show: (value) => value,
};

/** The path of the output. */
export const outputFile: OptionValue<string> = {
  parse: (given) => given === "" || given === "-" ? undefined : given,
  expected: 'the path of a file; there is no output to a pipe, and "./-" names a file called "-"',
  show: (value) => value,
};

/** A header field, or a place to read fields from. */
export const headerField: FlagValue<string> = {
  parse: (given) => given.startsWith("@") || parseHeaderField(given) !== undefined ? given : undefined,
  expected: '"Name: value" on one line, in characters that HTTP allows, or @FILE',
};

/** Parses a header field; `undefined` for any other text. Its value is checked with the other options. */
export function parseHeaderField(given: string): [name: string, value: string] | undefined {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):([^\r\n]*)$/.exec(given) ?? [];
  return name === undefined || value === undefined ? undefined : [name, value.trim()];
}

/** Texts separated by commas. */
export const list: FlagValue<string[]> = {
  parse: (given) => given === "" ? undefined : given.split(",").map((value) => value.trim()),
  expected: text.expected,
};

/** `host:port:address[,address]`, as in curl. */
export const resolveEntry: FlagValue<[place: string, addresses: string[]]> = {
  parse: (given) => {
    const [, place, addresses] = /^([^:]+:\d+):(.+)$/.exec(given) ?? [];
    if (place === undefined || addresses === undefined) return undefined;
    return [place, addresses.split(",").map((address) => address.trim())];
  },
  expected: "HOST:PORT:ADDRESS[,ADDRESS], such as example.com:443:192.0.2.1",
};

function shortSize(bytes: number): string {
  for (const unit of ["t", "g", "m", "k"] as const) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) {
      return `${bytes / UNITS[unit]}${unit === "k" ? unit : unit.toUpperCase()}`;
    }
  }
  return String(bytes);
}
