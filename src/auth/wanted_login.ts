import { parseChallenges } from "./challenges.ts";
import { isAnswerable } from "./digest_auth.ts";

/** End of the description when no wanted scheme is supported. */
export const UNSUPPORTED = ", which is not supported";
const MAX_NAMED = 5;
const MAX_NAME_LENGTH = 20;

/** Describes the schemes that the challenges of a refusal want; `undefined` without a challenge. */
export function describeWanted(field: string | null): string | undefined {
  const wanted = new Set<string>();
  const unknown = new Set<string>();
  for (const challenge of parseChallenges(field).slice(0, MAX_NAMED)) {
    const scheme = challenge.scheme.slice(0, MAX_NAME_LENGTH);
    const isKnown = /^(?:basic|bearer)$/i.test(scheme) || isAnswerable(challenge);
    if (isKnown) wanted.add(scheme);
    else unknown.add(`${scheme}${algorithmIn(challenge.parameters)}`);
  }
  if (wanted.size > 0) return [...wanted].join(" or ");
  return unknown.size > 0 ? `${[...unknown].join(" or ")}${UNSUPPORTED}` : undefined;
}

function algorithmIn(parameters: ReadonlyMap<string, string>): string {
  const algorithm = parameters.get("algorithm") ?? "";
  return /^[\w-]{1,20}$/.test(algorithm) ? ` with the algorithm ${algorithm}` : "";
}
