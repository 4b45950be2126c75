import { resolveDefaults, resolveSpec } from "../../options/resolve_options.ts";
import { CheckedSpec, type ResolvedDefaults } from "../../options/resolved_options.ts";
import { withScheme } from "./url.ts";
import type { SpecOptions } from "../flags/draft.ts";
import type { EntryOptions } from "../list/entry_options.ts";

/**
 * Makes the spec of a URL from the flags and from the options below the URL in a list. Throws an `OptionError` for
 * an option that is not valid, and a `UsageError` for a URL without a scheme.
 */
export type SpecFor = (url: string, own?: EntryOptions) => CheckedSpec;

/** Checks the options of the flags, once for all URLs. */
export function specsFor(specOptions: SpecOptions): SpecFor {
  const shared = resolveDefaults(specOptions);
  // An entry with its own user does not get the user of the flags.
  const { username: _username, password: _password, bearerToken: _bearerToken, ...others } = specOptions;
  const withoutLogin = shared.login.authorization === undefined ? shared : resolveDefaults(others);
  return (url, own) => {
    if (own === undefined) return check(url, {}, shared);
    const base = own.specOptions.username === undefined ? shared : withoutLogin;
    const headers = own.headers.map(([name, value]): [string, string] => [name, value]);
    return check(url, { ...own.specOptions, headers }, base);
  };
}

function check(url: string, options: SpecOptions, shared: ResolvedDefaults): CheckedSpec {
  try {
    return new CheckedSpec(url, resolveSpec({ ...options, url }, shared));
  } catch (error) {
    throw withScheme(url, error);
  }
}
