import { COMMAND_DEFAULTS, DOWNLOADER_DEFAULTS, SPEC_DEFAULTS } from "../../options/defaults.ts";
import type { DownloaderOptions } from "../../options/options.ts";
import type { Draft, SpecOptions } from "./draft.ts";
import type { FlagValue, OptionValue } from "./flag_values.ts";

/** One flag: what it is called, what the help says of it, and what it does. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** One line, without the default. */
  readonly help: string;
  /** The library's option that it sets; a flag without one is about the command itself. */
  readonly option?: string;
  /** What counts without it, where the help is to say so. */
  readonly otherwise?: string;
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

interface ValuedFlag<T> extends Omit<Flag, "expected" | "otherwise" | "apply"> {
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

/** What counts for each file where no flag is given. */
const FILE_DEFAULTS: SpecOptions = { ...SPEC_DEFAULTS, ...COMMAND_DEFAULTS };
/** What counts for all files together. */
const SHARED_DEFAULTS: DownloaderOptions = DOWNLOADER_DEFAULTS;

interface OptionFlag<O, K extends keyof O> extends Pick<Flag, "name" | "short" | "help" | "secret"> {
  readonly option: K & string;
  readonly placeholder: string;
  readonly value: OptionValue<NonNullable<O[K]>>;
}

/** A flag whose value is an option of each file. */
export function ofFile<K extends keyof SpecOptions>(flag: OptionFlag<SpecOptions, K>): Flag {
  const { option, value } = flag;
  return {
    ...valued({ ...flag, set: (draft, given) => draft.specOptions[option] = given }),
    ...shownDefault(value, FILE_DEFAULTS[option]),
  };
}

/** A flag whose value is an option for all files together. */
export function ofAll<K extends keyof DownloaderOptions>(flag: OptionFlag<DownloaderOptions, K>): Flag {
  const { option, value } = flag;
  return {
    ...valued({ ...flag, set: (draft, given) => draft.options[option] = given }),
    ...shownDefault(value, SHARED_DEFAULTS[option]),
  };
}

function shownDefault<T>({ show }: OptionValue<NonNullable<T>>, otherwise: T): Pick<Flag, "otherwise"> {
  return otherwise === undefined || otherwise === null ? {} : { otherwise: show(otherwise) };
}

interface Switch extends Pick<Flag, "name" | "short" | "help" | "option"> {
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

/** A flag without a value that sets an option of each file. */
export function toggleOfFile<K extends keyof SpecOptions>(
  { value, ...flag }: Omit<Switch, "set"> & { readonly option: K & string; readonly value: SpecOptions[K] },
): Flag {
  return toggle({ ...flag, set: (draft) => draft.specOptions[flag.option] = value });
}
