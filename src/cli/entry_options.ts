import { closestWord } from "./did_you_mean.ts";
import { type Draft, emptyDraft, type SpecOptions } from "./flag.ts";
import { choice, type FlagValue, parseHeaderField, size, text } from "./flag_values.ts";
import { FLAGS } from "./flags.ts";
import type { ListOption } from "./list_parser.ts";
import { SPEC_NUMBERS } from "../resolve_options.ts";

/** What the lines below an entry of a list ask for. */
export interface EntryOptions {
  readonly specOptions: SpecOptions;
  readonly headers: readonly [name: string, value: string][];
}

/** An option of an entry that cannot be; the message says why. */
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
  /** `false` when `value` is none. */
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
  "file-allocation",
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

/** aria2's words for some of them. */
const ALIASES: Readonly<Record<string, typeof AS_FLAGS[number] | "limit-rate" | "overwrite">> = {
  "out": "output",
  "max-connection-per-server": "connections",
  "split": "connections",
  "timeout": "read-timeout",
  "max-download-limit": "limit-rate",
  "allow-overwrite": "overwrite",
};

const yesOrNo = choice("true", "false");

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

/** One that stands in the list itself: a list that others wrote must not read files of this machine. */
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
    option(size(SPEC_NUMBERS.maxDownloadSpeed), ({ flags }, value) => {
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
  ["continue", option(yesOrNo, ({ flags }, value) => flags.specOptions.resume = value === "true")],
]);

function fieldNamed(name: string): FlagValue<[string, string]> {
  return { parse: (value) => parseHeaderField(`${name}: ${value}`), expected: text.expected };
}

/** Reads the options of an entry; an {@linkcode EntryOptionError} says which of them cannot be. Later ones win. */
export function readEntryOptions(options: readonly ListOption[]): EntryOptions {
  const draft: EntryDraft = { flags: emptyDraft(), headers: [] };
  for (const { line, name, value } of options) {
    const found = OPTIONS.get(ALIASES[name] ?? name);
    if (found === undefined) {
      const near = closestWord(name, [...OPTIONS.keys(), ...Object.keys(ALIASES)]);
      const remedy = near === undefined ? "see bytehaul --help" : `did you mean ${near}?`;
      throw new EntryOptionError(
        line,
        `Cannot use the option ${JSON.stringify(name)}: there is none; ${remedy}`,
      );
    }
    if (!found.apply(draft, name === "checksum" ? asOurs(value) : value)) {
      const shown = name === "header" ? "with this value" : JSON.stringify(value);
      throw new EntryOptionError(line, `Cannot use ${name} ${shown}: expected ${found.expected}`);
    }
  }
  return { specOptions: draft.flags.specOptions, headers: draft.headers };
}

/** aria2 writes `sha-256=…`. */
function asOurs(checksum: string): string {
  return checksum.replace(/^(md5|sha)-?(\d*)=/, "$1$2:");
}
