import { CHANGING_OPTIONS, isUnused } from "./aria2_options.ts";
import { closestWord } from "../../lib/closest_word.ts";
import { type Draft, emptyDraft, type SpecOptions } from "../flags/draft.ts";
import { choice, count, type FlagValue, parseHeaderField, size, text } from "../flags/flag_values.ts";
import { FLAGS } from "../flags/flags.ts";
import type { ListOption } from "./list_parser.ts";
import { SPEC_RANGES } from "../../options/defaults.ts";

/** The options in the lines below an entry of a list. */
export interface EntryOptions {
  readonly specOptions: SpecOptions;
  readonly headers: readonly [name: string, value: string][];
  /** Names of options of aria2 that have no effect here. */
  readonly unused: readonly string[];
}

/** An option of an entry is not valid. The message says why. */
export class EntryOptionError extends Error {
  override readonly name = "EntryOptionError";
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

interface EntryOption {
  readonly expected: string;
  /** Returns `false` when `value` is not valid. */
  readonly apply: (draft: EntryDraft, value: string) => boolean;
}

interface EntryDraft {
  readonly flags: Draft;
  readonly headers: [string, string][];
}

/** Flags that an entry may set for itself. */
const AS_FLAGS = [
  "dir",
  "output",
  "checksum",
  "checksum-file",
  "connections",
  "memory-budget",
  "piece-size",
  "min-split-size",
  "min-segment-size",
  "max-segment-size",
  "save-interval",
  "retries",
  "retry-delay",
  "retry-max-delay",
  "max-retry-time",
  "connect-timeout",
  "read-timeout",
] as const;

/** aria2's names for some of these flags. */
const ALIASES: Readonly<Record<string, typeof AS_FLAGS[number] | "limit-rate" | "overwrite">> = {
  "out": "output",
  "max-connection-per-server": "connections",
  "split": "connections",
  "timeout": "read-timeout",
  "max-download-limit": "limit-rate",
  "piece-length": "piece-size",
  "retry-wait": "retry-delay",
  "allow-overwrite": "overwrite",
};

/** Options whose value may be a secret. No message repeats a secret. */
const SECRETS: readonly string[] = ["header", "http-passwd", "all-proxy", "http-proxy", "https-proxy"];

/** The most characters of a name or a value that a message repeats. */
const MAX_SHOWN_LENGTH = 60;

const yesOrNo = choice("true", "false");

/** All requests for a file, the first one included; 0 means no limit. */
const tries: FlagValue<number> = {
  parse: (given) => {
    const parsed = count({ min: 0, max: SPEC_RANGES.maxRetries.max }).parse(given);
    return parsed === 0 ? SPEC_RANGES.maxRetries.max : parsed === undefined ? undefined : parsed - 1;
  },
  expected: `a whole number from 0 to ${SPEC_RANGES.maxRetries.max}`,
};

/** Any text, also an empty one. */
const anyText: FlagValue<string> = { parse: (given) => given, expected: "a text" };

/** Maps aria2's methods of file allocation to the two here. */
const allocation: FlagValue<"none" | "prealloc"> = {
  parse: (given) => {
    const known = { none: "none", trunc: "none", prealloc: "prealloc", falloc: "prealloc" } as const;
    return Object.entries(known).find(([word]) => word === given)?.[1];
  },
  expected: "none or prealloc",
};

function option<T>(value: FlagValue<T>, set: (draft: EntryDraft, value: T) => void): EntryOption {
  return {
    expected: value.expected,
    apply: (draft, given) => {
      const parsed = value.parse(given);
      if (parsed !== undefined) set(draft, parsed);
      return parsed !== undefined;
    },
  };
}

/** A header field in the list itself. A list from elsewhere must not read files of this machine. */
const field: FlagValue<[string, string]> = { parse: parseHeaderField, expected: "Name: value" };

const OPTIONS = new Map<string, EntryOption>([
  ...AS_FLAGS.map((name): [string, EntryOption] => {
    const flag = FLAGS.find((it) => it.name === name)!;
    return [name, { expected: flag.expected!, apply: (draft, value) => flag.apply(draft.flags, value) }];
  }),
  ["header", option(field, ({ headers }, value) => headers.push(value))],
  ["referer", option(fieldNamed("Referer"), ({ headers }, value) => headers.push(value))],
  ["user-agent", option(fieldNamed("User-Agent"), ({ headers }, value) => headers.push(value))],
  [
    "limit-rate",
    option(size(SPEC_RANGES.maxDownloadSpeed), ({ flags }, value) => {
      flags.specOptions.maxDownloadSpeed = value;
    }),
  ],
  [
    "keep-encoding",
    option(yesOrNo, ({ flags }, value) => {
      flags.specOptions.contentEncoding = value === "true" ? "keep" : "refuse";
    }),
  ],
  [
    "no-published-digest",
    option(yesOrNo, ({ flags }, value) => flags.specOptions.publishedDigest = value === "false"),
  ],
  ["overwrite", option(yesOrNo, ({ flags }, value) => flags.specOptions.overwrite = value === "true")],
  ["http-user", option(text, ({ flags }, value) => flags.specOptions.username = value)],
  ["http-passwd", option(anyText, ({ flags }, value) => flags.specOptions.password = value)],
  ["all-proxy", option(text, ({ flags }, value) => flags.specOptions.allProxy = value)],
  ["http-proxy", option(text, ({ flags }, value) => flags.specOptions.httpProxy = value)],
  ["https-proxy", option(text, ({ flags }, value) => flags.specOptions.httpsProxy = value)],
  ["no-proxy", option(anyText, ({ flags }, value) => flags.specOptions.noProxy = value)],
  ["max-tries", option(tries, ({ flags }, value) => flags.specOptions.maxRetries = value)],
  ["file-allocation", option(allocation, ({ flags }, value) => flags.specOptions.fileAllocation = value)],
  ["continue", option(yesOrNo, ({ flags }, value) => flags.specOptions.resume = value === "true")],
]);

function fieldNamed(name: string): FlagValue<[string, string]> {
  return { parse: (value) => parseHeaderField(`${name}: ${value}`), expected: text.expected };
}

/**
 * Reads the options of an entry. Of two with the same name the later one counts. Throws an {@linkcode
 * EntryOptionError} for one that is not valid.
 */
export function readEntryOptions(options: readonly ListOption[]): EntryOptions {
  const draft: EntryDraft = { flags: emptyDraft(), headers: [] };
  const unused: string[] = [];
  for (const { line, name, value } of options) {
    const found = OPTIONS.get(ALIASES[name] ?? name);
    if (found === undefined) {
      if (!isUnused(name) && !(CHANGING_OPTIONS.has(name) && value === "false")) throw unknown(line, name);
      unused.push(name);
    } else if (!found.apply(draft, name === "checksum" ? toChecksumText(value) : value)) {
      const quoted = SECRETS.includes(name) ? "with this value" : shown(value);
      throw new EntryOptionError(line, `Cannot use ${name} ${quoted}: expected ${found.expected}`);
    }
  }
  return { specOptions: draft.flags.specOptions, headers: draft.headers, unused };
}

function unknown(line: number, name: string): EntryOptionError {
  const near = name.length > MAX_SHOWN_LENGTH
    ? undefined
    : closestWord(name, [...OPTIONS.keys(), ...Object.keys(ALIASES)]);
  const reason = CHANGING_OPTIONS.has(name)
    ? "only false has a meaning here"
    : near === undefined
    ? "there is no such option; see bytehaul --help"
    : `there is no such option; did you mean ${near}?`;
  return new EntryOptionError(line, `Cannot use the option ${shown(name)}: ${reason}`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
}

/** aria2 writes `sha-256=…`. */
function toChecksumText(checksum: string): string {
  return checksum.replace(/^(md5|sha)-?(\d*)=/, "$1$2:");
}
