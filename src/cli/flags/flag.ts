import type { DownloaderOptions, DownloadSpec } from "../../options/options.ts";
import type { FlagValue } from "./flag_values.ts";
import type { Inputs } from "../inputs/inputs.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Options of one download that flags may set. */
export type SpecOptions = Omit<DownloadSpec, "url" | "signal">;

/** What the flags read so far ask for. */
export interface Draft {
  readonly options: Mutable<DownloaderOptions>;
  readonly specOptions: Mutable<SpecOptions>;
  readonly inputs: Mutable<Inputs>;
  /** Whether a flag was given whose value may be a secret. */
  hasSecrets: boolean;
  /** Whether a file that is there counts as done. */
  skipsExisting: boolean;
  quiet: boolean;
  verbose: boolean;
  json: boolean;
}

/** Nothing asked for. */
export function emptyDraft(): Draft {
  return {
    options: {},
    specOptions: {},
    inputs: { headers: [], proxies: {}, cookies: [] },
    hasSecrets: false,
    skipsExisting: false,
    quiet: false,
    verbose: false,
    json: false,
  };
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
  /** The value may be a secret, which no message repeats. */
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

/** A flag that takes a value. */
export function valued<T>({ value, set, ...flag }: ValuedFlag<T>): Flag {
  return {
    ...flag,
    expected: value.expected,
    apply: (draft, text) => {
      const parsed = value.parse(text);
      if (parsed === undefined) return false;
      if (flag.secret) draft.hasSecrets = true;
      set(draft, parsed);
      return true;
    },
  };
}

interface Switch extends Omit<Flag, "placeholder" | "expected" | "secret" | "apply"> {
  readonly set: (draft: Draft) => void;
}

/** A flag without a value. */
export function toggle({ set, ...flag }: Switch): Flag {
  return {
    ...flag,
    apply: (draft) => {
      set(draft);
      return true;
    },
  };
}
