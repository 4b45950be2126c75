import { type NumberRule, toHeaders } from "../../options/option_checks.ts";
import type { DownloaderOptions } from "../../options/options.ts";
import { resolveDownloaderOptions } from "../../options/resolve_options.ts";

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
    expected: rule.max === Infinity
      ? `a whole number of at least ${rule.min}`
      : `a whole number from ${rule.min} to ${rule.max}`,
  };
}

/** A whole number, or a word that stands for none. */
export function countOr<T extends string>(word: T, rule: NumberRule): FlagValue<number | T> {
  const { parse, expected } = count(rule);
  return { parse: (text) => text === word ? word : parse(text), expected: `${expected}, or ${word}` };
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
    expected: `a size${range}, in bytes or with k, M, G or T (of 1024), such as 500k or 1.5M`,
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

/** A header field, or where to read some. */
export const headerField: FlagValue<string> = {
  parse: (given) => given.startsWith("@") || parseHeaderField(given) !== undefined ? given : undefined,
  expected: '"Name: value" on one line, in characters that HTTP allows, or @FILE',
};

/** Takes a header field apart; `undefined` when it is none. */
export function parseHeaderField(given: string): [name: string, value: string] | undefined {
  const colon = given.indexOf(":");
  if (colon < 1 || /[\r\n]/.test(given)) return undefined;
  const field: [string, string] = [given.slice(0, colon), given.slice(colon + 1).trim()];
  return toHeaders([field]) === undefined ? undefined : field;
}

/** A list that a network option takes, which also judges it. */
export function networkList(option: "dnsServers" | "dohServers", expected: string): FlagValue<string[]> {
  return {
    parse: (given) => {
      const values = given.split(",").map((value) => value.trim());
      return isAccepted({ [option]: values }) ? values : undefined;
    },
    expected,
  };
}

/** `host:port:address[,address]`, as curl has it. */
export const resolveEntry: FlagValue<Record<string, string[]>> = {
  parse: (given) => {
    const [, place, addresses] = /^([^:]+:\d+):(.+)$/.exec(given) ?? [];
    if (place === undefined || addresses === undefined) return undefined;
    const resolve = { [place]: addresses.split(",").map((address) => address.trim()) };
    return isAccepted({ resolve }) ? resolve : undefined;
  },
  expected: "HOST:PORT:ADDRESS[,ADDRESS], such as example.com:443:192.0.2.1",
};

/** An address of this machine; whether it is one shows when it is used. */
export const localAddress: FlagValue<string> = {
  parse: (given) => isAccepted({ localAddress: given }) ? given : undefined,
  expected: "an IP address of this machine, such as 192.0.2.1",
};

function isAccepted(options: DownloaderOptions): boolean {
  try {
    resolveDownloaderOptions(options);
    return true;
  } catch {
    return false;
  }
}

function shortSize(bytes: number): string {
  for (const unit of ["t", "g", "m", "k"] as const) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) {
      return `${bytes / UNITS[unit]}${unit === "k" ? unit : unit.toUpperCase()}`;
    }
  }
  return String(bytes);
}
