/** One challenge of a server: a scheme and its parameters (RFC 9110, section 11.3). */
export interface Challenge {
  /** The scheme as sent. */
  readonly scheme: string;
  /** Parameters by lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The rest of a longer field is ignored. */
const MAX_FIELD_LENGTH = 8192;

/** Reads a `WWW-Authenticate` or `Proxy-Authenticate` field, or several that were joined. */
export function parseChallenges(field: string | null): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (
    const [item] of (field ?? "").slice(0, MAX_FIELD_LENGTH).matchAll(
      /(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",])+/g,
    )
  ) {
    const [, scheme, name, value = ""] = /^\s*(?:([\w!#$%&'*+.^`|~-]+)\s+)?([\w!#$%&'*+.^`|~-]+)\s*=(.*)$/s
      .exec(item) ?? [];
    // An item without a parameter is a scheme, alone or with a token.
    const begun = name === undefined ? /^\s*([\w!#$%&'*+.^`|~-]+)/.exec(item)?.[1] : scheme;
    if (begun !== undefined) challenges.push({ scheme: begun, parameters: new Map() });
    if (name !== undefined) challenges.at(-1)?.parameters.set(name.toLowerCase(), unquote(value.trim()));
  }
  return challenges;
}

function unquote(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)/s.exec(value)?.[1];
  return quoted === undefined ? value : quoted.replace(/\\(.)/gs, "$1");
}
