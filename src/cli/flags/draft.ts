import type { DownloaderOptions, DownloadSpec } from "../../options/options.ts";

/** Values of flags that name, or may name, something that must still be read. */
export interface Inputs {
  /** Header fields, or places to read them from. */
  readonly headers: string[];
  readonly proxies: { allProxy?: string; httpProxy?: string; httpsProxy?: string };
  /** Each value is `name=value; ...` or the path of a cookie file. */
  readonly cookies: string[];
  readonly user?: string;
  readonly bearer?: string;
  /** A path, or `~` for the file in the home directory. */
  readonly netrc?: string;
  readonly refreshCommand?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecure?: boolean;
  /** Paths of lists; `-` is standard input. */
  readonly inputFiles?: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Options of one download that flags may set. */
export type SpecOptions = Omit<DownloadSpec, "url" | "signal">;

/** The result of the flags that were read so far. */
export interface Draft {
  readonly options: Mutable<DownloaderOptions>;
  readonly specOptions: Mutable<SpecOptions>;
  readonly inputs: Mutable<Inputs>;
  /** Whether a flag was given whose value may be a secret. */
  hasSecrets: boolean;
  /** Whether an existing file counts as done. */
  skipsExisting: boolean;
  quiet: boolean;
  verbose: boolean;
  json: boolean;
}

/** A draft without any flags. */
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
