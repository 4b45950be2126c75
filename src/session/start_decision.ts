import { ChecksumMismatchError } from "../errors.ts";
import { ContradictionError } from "../http/unusable_response.ts";
import { namesVersion } from "../http/validator.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Validator } from "../types.ts";
import type { KnownVersion } from "./sources/known_version.ts";

/** What is known of an earlier run when a download starts. What is not known yet is left out. */
export interface Found {
  /** The control file, or why there is nothing in it. */
  readonly control: "none" | "damaged" | FoundRecord;
  /** Whether the caller gave a checksum, which decides whether the bytes that are there are right. */
  readonly isJudged: boolean;
  readonly options: Pick<ResolvedSpec, "resume" | "overwrite">;
  /** The part file; `opened` until its bytes are proven. */
  readonly part?: "missing" | "opened" | FoundBytes;
  /** What the server says to a request for the rest. */
  readonly answer?: "same" | "no ranges" | "changed";
}

/** What a control file says. */
export interface FoundRecord {
  /** Whether it is of the same URL, queries aside. */
  readonly isSameUrl: boolean;
  /** Whether it is of the same URL and query, signatures aside; another query may name another file. */
  readonly isSameQuery: boolean;
  readonly validator: Validator;
  readonly claimedBytes: number;
}

/** What of a part file is right. */
export interface FoundBytes {
  readonly doneBytes: number;
  readonly isComplete: boolean;
}

/** Why a download does not resume. */
export type FreshReason = "unnamed version" | "no part file" | "no ranges" | "changed";

/** How a download starts, or which fact that depends on. */
export type StartDecision =
  /** At byte 0; the reason is given where something is lost. */
  | { readonly kind: "fresh"; readonly reason: FreshReason | undefined }
  /** At byte 0, once the control file has another name. */
  | { readonly kind: "set aside" }
  /** Not at all: what is there is the unfinished download of another file. */
  | { readonly kind: "refuse" }
  /** With what is there. */
  | { readonly kind: "resume" }
  | { readonly kind: "open the part file" }
  | { readonly kind: "prove the part file" }
  | { readonly kind: "ask the server" };

/** Decides between resume, restart and fresh, as far as `found` allows it. */
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
  if (answer === undefined) return { kind: "ask the server" };
  if (answer === "same") return { kind: "resume" };
  return isSameQuery || options.overwrite ? fresh(answer) : { kind: "refuse" };
}

function fresh(reason?: FreshReason): StartDecision {
  return { kind: "fresh", reason };
}

/** What follows the failure of an attempt. */
export type RestartDecision =
  | { readonly kind: "fail" }
  /** At byte 0, as any download. */
  | { readonly kind: "restart"; readonly reason: string }
  /** With one request for the whole file, whose version must agree with `like`, where that is given. */
  | { readonly kind: "restart plainly"; readonly reason: string; readonly like: Validator | undefined };

/** Why a wrong checksum may not be the server's fault. */
export type Doubt = "resumed" | "length unknown";

const DOUBTS: Readonly<Record<Doubt, string>> = {
  "resumed": "what an earlier run left may be to blame",
  "length unknown": "no response told the length, so the file may have been cut short",
};

/** Restarts where that may help, and where nothing but what is in doubt is lost. */
export function decideRestart(
  error: unknown,
  doubt: Doubt | undefined,
  version: KnownVersion | undefined,
): RestartDecision {
  if (error instanceof ContradictionError && version !== undefined) {
    const reason = `${error.message}; starting again with one request`;
    return { kind: "restart plainly", reason, like: version.validator };
  }
  if (!(error instanceof ChecksumMismatchError)) return { kind: "fail" };
  if (version?.isMixed) {
    const reason = `${error.message}; ${version.mixture}; starting again from one source`;
    return { kind: "restart plainly", reason, like: undefined };
  }
  if (doubt === undefined) return { kind: "fail" };
  return { kind: "restart", reason: `${error.message}; ${DOUBTS[doubt]}, starting again` };
}
