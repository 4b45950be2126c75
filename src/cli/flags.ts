import type { DownloaderOptions, DownloadSpec } from "../options.ts";
import { CONCURRENT_DOWNLOADS, SPEC_NUMBERS } from "../resolve_options.ts";
import {
  choice,
  count,
  type FlagValue,
  headerField,
  outputFile,
  seconds,
  size,
  text,
} from "./flag_values.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Options of one download that flags may set. */
export type SpecOptions = Omit<DownloadSpec, "url" | "signal">;

/** What the flags read so far ask for. */
export interface Draft {
  readonly options: Mutable<DownloaderOptions>;
  readonly specOptions: Mutable<SpecOptions>;
  readonly headers: [name: string, value: string][];
  quiet: boolean;
  verbose: boolean;
  json: boolean;
}

/** One flag: what it is called, what the help says of it, and what it does. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  readonly help: string;
  /** What stands for the value in the help; a flag without one is a switch. */
  readonly placeholder?: string;
  readonly expected?: string;
  /** The value is a secret, which no message repeats. */
  readonly secret?: boolean;
  /** Does what the flag is for; `false` when `value` is none. */
  readonly apply: (draft: Draft, value: string) => boolean;
}

/** The flags under one heading of the help. */
export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

interface ValuedFlag<T> extends Omit<Flag, "expected" | "apply"> {
  readonly placeholder: string;
  readonly value: FlagValue<T>;
  readonly set: (draft: Draft, value: T) => void;
}

function valued<T>({ value, set, ...flag }: ValuedFlag<T>): Flag {
  return {
    ...flag,
    expected: value.expected,
    apply: (draft, text) => {
      const parsed = value.parse(text);
      if (parsed === undefined) return false;
      set(draft, parsed);
      return true;
    },
  };
}

function toggle(name: string, short: string | undefined, help: string, set: (draft: Draft) => void): Flag {
  return {
    name,
    ...(short === undefined ? {} : { short }),
    help,
    apply: (draft) => {
      set(draft);
      return true;
    },
  };
}

const OUTPUT: FlagGroup = {
  title: "Output",
  flags: [
    valued({
      name: "output",
      short: "o",
      placeholder: "FILE",
      help: "path of the file, for one URL; without it the server or the URL names it",
      value: outputFile,
      set: (draft, value) => draft.specOptions.outputPath = value,
    }),
    valued({
      name: "dir",
      short: "d",
      placeholder: "DIR",
      help: "directory for the files, made when it is missing (default .)",
      value: text,
      set: (draft, value) => draft.specOptions.outputDir = value,
    }),
    toggle(
      "overwrite",
      undefined,
      "replace a file that has the name, once the new one is whole",
      (draft) => draft.specOptions.overwrite = true,
    ),
    toggle(
      "no-resume",
      undefined,
      "fetch anew instead of going on with what an earlier run left",
      (draft) => draft.specOptions.resume = false,
    ),
    valued({
      name: "checksum",
      placeholder: "ALGO:HEX",
      help: "for one URL, such as sha256:9f86...; the file gets its name only when it matches",
      value: text,
      set: (draft, value) => draft.specOptions.checksum = value,
    }),
    valued({
      name: "file-allocation",
      placeholder: "HOW",
      help: "none, or prealloc for the full length before the first byte (default none)",
      value: choice("none", "prealloc"),
      set: (draft, value) => draft.specOptions.fileAllocation = value,
    }),
  ],
};

const TRANSFER: FlagGroup = {
  title: "Transfer",
  flags: [
    valued({
      name: "connections",
      short: "x",
      placeholder: "N",
      help: "connections for each file, 1 to 256 (default 4)",
      value: count(SPEC_NUMBERS.maxConnections),
      set: (draft, value) => draft.specOptions.maxConnections = value,
    }),
    valued({
      name: "max-concurrent",
      short: "j",
      placeholder: "N",
      help: "files fetched at the same time (default 4)",
      value: count(CONCURRENT_DOWNLOADS),
      set: (draft, value) => draft.options.maxConcurrentDownloads = value,
    }),
    valued({
      name: "limit-rate",
      short: "l",
      placeholder: "RATE",
      help: "bytes a second for all files together; 0 is no limit (default 0)",
      value: size(SPEC_NUMBERS.maxDownloadSpeed),
      set: (draft, value) => draft.options.maxDownloadSpeed = value,
    }),
    valued({
      name: "memory-budget",
      placeholder: "SIZE",
      help: "the most bytes of each file held in memory (default 64M)",
      value: size(SPEC_NUMBERS.memoryBudget),
      set: (draft, value) => draft.specOptions.memoryBudget = value,
    }),
    valued({
      name: "piece-size",
      placeholder: "SIZE",
      help: "the unit in which finished data is recorded (default 1M)",
      value: size(SPEC_NUMBERS.pieceSize),
      set: (draft, value) => draft.specOptions.pieceSize = value,
    }),
    valued({
      name: "min-split-size",
      placeholder: "SIZE",
      help: "a smaller file is fetched over one connection (default 10M)",
      value: size(SPEC_NUMBERS.minSplitSize),
      set: (draft, value) => draft.specOptions.minSplitSize = value,
    }),
    valued({
      name: "min-segment-size",
      placeholder: "SIZE",
      help: "the least that one request asks for (default 256k)",
      value: size(SPEC_NUMBERS.minSegmentSize),
      set: (draft, value) => draft.specOptions.minSegmentSize = value,
    }),
    valued({
      name: "save-interval",
      placeholder: "S",
      help: "seconds between two saves of what is there (default 5)",
      value: seconds(SPEC_NUMBERS.controlSaveIntervalMs),
      set: (draft, value) => draft.specOptions.controlSaveIntervalMs = value,
    }),
  ],
};

const RETRIES_AND_TIME: FlagGroup = {
  title: "Retries and time",
  flags: [
    valued({
      name: "retries",
      placeholder: "N",
      help: "tries without a byte of progress before giving up (default 5)",
      value: count(SPEC_NUMBERS.maxRetries),
      set: (draft, value) => draft.specOptions.maxRetries = value,
    }),
    valued({
      name: "retry-delay",
      placeholder: "S",
      help: "seconds before the first retry; doubles with each further one (default 1)",
      value: seconds(SPEC_NUMBERS.retryBaseDelayMs),
      set: (draft, value) => draft.specOptions.retryBaseDelayMs = value,
    }),
    valued({
      name: "retry-max-delay",
      placeholder: "S",
      help: "the longest wait between two tries (default 30)",
      value: seconds(SPEC_NUMBERS.retryMaxDelayMs),
      set: (draft, value) => draft.specOptions.retryMaxDelayMs = value,
    }),
    valued({
      name: "max-retry-time",
      placeholder: "S",
      help: "give up after so many seconds without progress; without it only --retries counts",
      value: seconds(SPEC_NUMBERS.maxRetryElapsedMs),
      set: (draft, value) => draft.specOptions.maxRetryElapsedMs = value,
    }),
    valued({
      name: "connect-timeout",
      placeholder: "S",
      help: "seconds from a request to the head of its response (default 30)",
      value: seconds(SPEC_NUMBERS.connectTimeoutMs),
      set: (draft, value) => draft.specOptions.connectTimeoutMs = value,
    }),
    valued({
      name: "read-timeout",
      placeholder: "S",
      help: "seconds that a response may stay silent (default 60)",
      value: seconds(SPEC_NUMBERS.readTimeoutMs),
      set: (draft, value) => draft.specOptions.readTimeoutMs = value,
    }),
  ],
};

const HTTP: FlagGroup = {
  title: "HTTP",
  flags: [
    valued({
      name: "header",
      short: "H",
      placeholder: "'K: V'",
      help: "field to send with each request, not to another origin; may be repeated",
      secret: true,
      value: headerField,
      set: (draft, value) => draft.headers.push(value),
    }),
  ],
};

const REPORTING: FlagGroup = {
  title: "Reporting",
  flags: [
    toggle("quiet", "q", "say nothing but errors", (draft) => draft.quiet = true),
    toggle("verbose", "v", "tell of retries, restarts and the like", (draft) => draft.verbose = true),
    toggle("json", undefined, "one JSON object a line on standard output", (draft) => draft.json = true),
    toggle("help", "h", "show this text", () => {}),
    toggle("version", "V", "show the version", () => {}),
  ],
};

/** Every flag. Parsing, the help and suggestions all read this table. */
export const FLAG_GROUPS: readonly FlagGroup[] = [OUTPUT, TRANSFER, RETRIES_AND_TIME, HTTP, REPORTING];

/** The flags of all groups. */
export const FLAGS: readonly Flag[] = FLAG_GROUPS.flatMap((group) => group.flags);
