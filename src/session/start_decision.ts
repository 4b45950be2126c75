import { ChecksumMismatchError } from "../errors.ts";
import { ContradictionError } from "../http/unusable_response.ts";
import { namesVersion } from "../http/validator.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Validator } from "../types.ts";
import type { KnownVersion } from "./sources/known_version.ts";

/** The facts about an earlier run when a download starts. Facts that are not known yet are left out. */
export interface Found {
  /** The content of the control file, or why there is none. */
  readonly control: "none" | "damaged" | FoundRecord;
  /** Whether the caller gave a checksum. It decides whether the bytes on disk are right. */
  readonly isJudged: boolean;
  readonly options: Pick<ResolvedSpec, "resume" | "overwrite">;
  /** The part file. It is `opened` until its bytes are proven. */
  readonly part?: "missing" | "opened" | FoundBytes;
  /** The server's answer to a request for the missing bytes. */
  readonly answer?: "same" | "no ranges" | "changed";
}

/** The facts in a control file. */
export interface FoundRecord {
  /** Whether it belongs to the same URL, apart from the query. */
  readonly isSameUrl: boolean;
  /** Whether it belongs to the same URL and query, apart from signatures. Another query may name another file. */
  readonly isSameQuery: boolean;
  readonly validator: Validator;
  readonly claimedBytes: number;
}

/** The proven bytes of a part file. */
export interface FoundBytes {
  readonly doneBytes: number;
  readonly isComplete: boolean;
}

/** Why a download does not resume. */
export type FreshReason = "unnamed version" | "no part file" | "no ranges" | "changed";

/** How a download starts, or which fact is needed to decide it. */
export type StartDecision =
  /** At byte 0. There is a reason where progress is lost. */
  | { readonly kind: "fresh"; readonly reason: FreshReason | undefined }
  /** At byte 0, after the control file was renamed. */
  | { readonly kind: "set aside" }
  /** Not at all, because the output has an unfinished download of another file. */
  | { readonly kind: "refuse" }
  /** With the bytes on disk. */
  | { readonly kind: "resume" }
  | { readonly kind: "open the part file" }
  | { readonly kind: "prove the part file" }
  | { readonly kind: "request the missing bytes" };

/** Decides how a download starts, as far as `found` has the facts. */
export function decideStart({ control, isJudged, options, part, answer }: Found): StartDecision {
  if (control === "none") return fresh();
  if (control === "damaged") return { kind: "set aside" };
  if (!options.resume) return fresh();
  const { isSameUrl, isSameQuery, validator, claimedBytes } = control;
  if (!isSameUrl && !isJudged) return options.overwrite ? fresh() : { kind: "refuse" };
  if (claimedBytes === 0) return fresh();
  if (!namesVersion(validator) && !isJudged) return fresh("unnamed version");
  if (part === undefined) return { kind: "open the part file" };
  if (part === "missing") return fresh("no part file");
  if (part === "opened") return { kind: "prove the part file" };
  if (part.doneBytes === 0) return fresh();
  if (part.isComplete && (isSameQuery || isJudged)) return { kind: "resume" };
  if (answer === undefined) return { kind: "request the missing bytes" };
  if (answer === "same") return { kind: "resume" };
  return isSameQuery || options.overwrite ? fresh(answer) : { kind: "refuse" };
}

function fresh(reason?: FreshReason): StartDecision {
  return { kind: "fresh", reason };
}

/** How a download restarts. */
export type Restart =
  /** At byte 0, as any download. */
  | { readonly kind: "restart"; readonly reason: string }
  /** With one request for the complete file. Its version must agree with `like`, if given. */
  | { readonly kind: "restart plainly"; readonly reason: string; readonly like: Validator | undefined };

/** What follows the failure of an attempt. */
export type RestartDecision = Restart | { readonly kind: "fail" };

/** Why a wrong checksum may not be the server's fault. */
export type Doubt = "resumed" | "length unknown";

const DOUBTS: Readonly<Record<Doubt, string>> = {
  "resumed": "what an earlier run left may be to blame",
  "length unknown": "no response gave the length, so the file may have been cut short",
};

/** Decides on a restart: only where it may help, and where it loses only bytes that may be wrong. */
export function decideRestart(
  error: unknown,
  doubt: Doubt | undefined,
  version: KnownVersion | undefined,
): RestartDecision {
  if (error instanceof ContradictionError && version !== undefined) {
    const reason = `${error.message}; restarting with one request`;
    return { kind: "restart plainly", reason, like: version.validator };
  }
  if (!(error instanceof ChecksumMismatchError)) return { kind: "fail" };
  if (version?.isMixed) {
    const reason = `${error.message}; ${version.mixture}; restarting from one source`;
    return { kind: "restart plainly", reason, like: undefined };
  }
  if (doubt === undefined) return { kind: "fail" };
  return { kind: "restart", reason: `${error.message}; ${DOUBTS[doubt]}; restarting` };
}
