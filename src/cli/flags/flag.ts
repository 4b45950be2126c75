import { COMMAND_DEFAULTS, DOWNLOADER_DEFAULTS, SPEC_DEFAULTS } from "../../options/defaults.ts";
import type { DownloaderOptions } from "../../options/options.ts";
import type { Draft, SpecOptions } from "./draft.ts";
import type { FlagValue, OptionValue } from "./flag_values.ts";

/** One flag: its name, its help and its effect. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** One line, without the default. */
  readonly help: string;
  /** The library's option that the flag sets. A flag without one concerns only the command. */
  readonly option?: string;
  /** The default as the help shows it, if the help shows one. */
  readonly otherwise?: string;
  /** The name of the value in the help. A flag without one takes no value. */
  readonly placeholder?: string;
  readonly expected?: string;
  /** Whether the value may be a secret. No message repeats a secret. */
  readonly secret?: boolean;
  /** Applies the flag to the draft. Returns `false` when `value` is not valid. */
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

/** The defaults of each file. */
const FILE_DEFAULTS: SpecOptions = { ...SPEC_DEFAULTS, ...COMMAND_DEFAULTS };
/** The defaults of all files together. */
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
