import { resolveDefaults, resolveSpec } from "../../options/resolve_options.ts";
import { CheckedSpec } from "../../options/resolved_options.ts";
import type { SpecOptions } from "../flags/draft.ts";
import type { EntryOptions } from "../list/entry_options.ts";

/**
 * The spec of a URL, with what the flags ask for and what stands below it in a list. Throws an `OptionError` for what
 * cannot be.
 */
export type SpecFor = (url: string, own?: EntryOptions) => CheckedSpec;

/** Checks what the flags ask for, once for all URLs. */
export function specsFor(specOptions: SpecOptions): SpecFor {
  const shared = resolveDefaults(specOptions);
  // An entry that names its user is not told of another one.
  const { username: _username, password: _password, bearerToken: _bearerToken, ...others } = specOptions;
  const withoutLogin = shared.login.authorization === undefined ? shared : resolveDefaults(others);
  return (url, own) => {
    if (own === undefined) return new CheckedSpec(url, resolveSpec({ url }, shared));
    const base = own.specOptions.username === undefined ? shared : withoutLogin;
    const headers = own.headers.map(([name, value]): [string, string] => [name, value]);
    return new CheckedSpec(url, resolveSpec({ ...own.specOptions, headers, url }, base));
  };
}
