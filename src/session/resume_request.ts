import { DownloadError, HttpStatusError, RemoteChangedError } from "../errors.ts";
import type { ProbeResult } from "../http/probe.ts";
import type { ExpectedVersion } from "../http/response_check.ts";
import { agree, proveSame, strongValidator } from "../http/validator.ts";
import { storageError } from "../storage/storage_error.ts";
import type { ByteRange, Logger, Validator } from "../types.ts";
import type { FirstRequests } from "./sources/first_request.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { KnownVersion } from "./sources/known_version.ts";
import type { Interrupted } from "./resume.ts";
import { mayBeOddity } from "./sources/response_doubts.ts";
import { endedEarly } from "./sources/retry.ts";

/** How much before the first missing byte is asked for once more, to compare it with what is there. */
const OVERLAP_BYTES = 64 * 1024;
/** So many equal bytes prove the version where nothing else does. */
const LEAST_PROOF_BYTES = 4 * 1024;

/** What a server says to an unfinished download. */
export type ResumeAnswer =
  /** It has that version still. `first` begins where something is missing, its overlap having been compared. */
  | { readonly kind: "same"; readonly first: FirstResponse; readonly version: KnownVersion }
  /** It has that version, and sends all of it only: that is `first`. */
  | { readonly kind: "no ranges"; readonly first: FirstResponse }
  /** It has another one. `first` is a response that can be used for that. */
  | { readonly kind: "changed"; readonly first: FirstResponse | undefined };

/** What is asked for, and from where on it is missing. */
interface Overlap {
  readonly range: ByteRange;
  readonly missingFrom: number;
}

/** Finds out whether a server still has the version of an unfinished download, and gets what that lacks. */
export class ResumeRequest {
  readonly #interrupted: Interrupted;
  readonly #requests: FirstRequests;
  readonly #log: Logger;
  readonly #isJudged: boolean;

  constructor(interrupted: Interrupted, requests: FirstRequests, log: Logger) {
    this.#interrupted = interrupted;
    this.#requests = requests;
    this.#log = log;
    this.#isJudged = interrupted.found.isJudged;
  }

  /**
   * Asks for what an earlier run lacks: on condition that the file is still the same, then without that condition, then
   * plainly, each where the answer before says nothing for certain. Bytes that are there already are compared on the
   * way.
   */
  async send(): Promise<ResumeAnswer> {
    const { record, found } = this.#interrupted;
    const overlap = this.#chooseOverlap();
    const ifRange = found.control.isSameUrl ? strongValidator(record.validator) : undefined;
    const budget = this.#requests.newBudget();
    for (const condition of new Set([ifRange, undefined])) {
      const answer = await this.#requests.withRetries(() => this.#askForPart(overlap, condition), budget);
      if (answer === "plain") break;
      if (answer !== "unclear") return answer;
    }
    return await this.#requests.withRetries(() => this.#askForWhole(), budget);
  }

  /**
   * Judges a response that was asked for another reason, from byte 0 on. Where it does not reach what is missing, that
   * is asked for.
   */
  async judge(first: FirstResponse): Promise<ResumeAnswer> {
    return await this.#judgeFromStart(first) ?? await this.send();
  }

  async #judgeFromStart(given: FirstResponse): Promise<ResumeAnswer | undefined> {
    using first = given.take();
    const { record, pieces } = this.#interrupted;
    const { verdict, remote } = first;
    const agrees = agree(record.validator, remote.validator);
    if (verdict.kind !== "part") {
      requireName(record.validator, first);
      const isSame = remote.size === record.size && agrees;
      return { kind: isSame ? "no ranges" : "changed", first: first.take() };
    }
    const isPossible = remote.size === record.size && (this.#isJudged || agrees);
    if (!isPossible) return { kind: "changed", first: first.take() };
    const { end } = verdict.range;
    if (pieces.isComplete) return await this.#judgePart(first, Math.min(OVERLAP_BYTES, end), false);
    const missingFrom = pieces.missing()[0]!.start;
    if (missingFrom === 0 || missingFrom > end) return undefined;
    try {
      return await this.#judgePart(first, missingFrom, false);
    } catch (error) {
      if (!(error instanceof DownloadError) || !error.retryable) throw error;
      this.#log("info", `${error.message}; asking for what is missing`);
      return undefined;
    }
  }

  #chooseOverlap(): Overlap {
    const gaps = this.#interrupted.pieces.missing();
    // The lowest that has something before it.
    const index = gaps[0]!.start === 0 && gaps.length > 1 ? 1 : 0;
    const gap = gaps[index]!;
    // A longer request than that may be refused.
    const most = this.#requests.mostBytes;
    const overlap = Math.min(gap.start - (gaps[index - 1]?.end ?? 0), OVERLAP_BYTES, Math.floor(most / 2));
    const start = gap.start - overlap;
    return { range: { start, end: Math.min(gap.end, start + most) }, missingFrom: gap.start };
  }

  async #askForPart(
    { range, missingFrom }: Overlap,
    ifRange: string | undefined,
  ): Promise<ResumeAnswer | "unclear" | "plain"> {
    const { record } = this.#interrupted;
    let first: FirstResponse;
    try {
      first = await this.#requests.send({ range, version: this.#version, ifRange });
    } catch (error) {
      if (error instanceof RemoteChangedError) return { kind: "changed", first: undefined };
      if (!mayBeOddity(error) || error.retryable) throw error;
      this.#log("info", `${error.message}; asking otherwise`);
      return isRefusal(error) ? "plain" : "unclear";
    }
    using owned = first.take();
    if (owned.verdict.kind === "part") {
      return await this.#judgePart(owned, missingFrom, ifRange !== undefined);
    }
    const { validator } = owned.remote;
    const isOther = !agree(record.validator, validator) && strongValidator(validator) !== undefined;
    return isOther && !this.#isJudged ? { kind: "changed", first: undefined } : "unclear";
  }

  async #judgePart(
    given: FirstResponse,
    missingFrom: number,
    saidIfRange: boolean,
  ): Promise<ResumeAnswer> {
    using first = given.take();
    const { record } = this.#interrupted;
    const { verdict, remote: { validator } } = first;
    if (verdict.kind !== "part") throw new TypeError("Cannot compare what is no part");
    const { start, end } = verdict.range;
    const compared = { start, end: Math.min(end, missingFrom) };
    if (!await hasSameBytes(this.#interrupted, first, compared)) {
      this.#log("warn", "the server sends other bytes than those that are there");
      return { kind: "changed", first: undefined };
    }
    const isProven = saidIfRange || proveSame(record.validator, validator);
    if (!isProven && !this.#isJudged && compared.end - start < LEAST_PROOF_BYTES) {
      return { kind: "changed", first: undefined };
    }
    // A date that was too young has become old enough since.
    const version = new KnownVersion(record.size, isProven ? record.validator : validator, this.#isJudged);
    if (isProven) version.noteSame(validator);
    else if (this.#isJudged) version.noteLeftovers(record.validator);
    const range = { start: missingFrom, end: Math.max(missingFrom, end) };
    return { kind: "same", first: first.take({ verdict: { ...verdict, range } }), version };
  }

  /** What a client without ranges would get decides. */
  async #askForWhole(): Promise<ResumeAnswer> {
    using first = await this.#requests.send({ range: undefined, version: this.#version, ifRange: undefined });
    requireName(this.#interrupted.record.validator, first);
    const isSame = first.verdict.kind === "whole" && first.verdict.isSameVersion;
    return isSame ? { kind: "no ranges", first: first.take() } : { kind: "changed", first: undefined };
  }

  get #version(): ExpectedVersion {
    const { size, validator } = this.#interrupted.record;
    return { size, validator, isJudgedByChecksum: this.#isJudged };
  }
}

/** It is not the condition that such a server dislikes. */
function isRefusal(error: DownloadError): boolean {
  return error instanceof HttpStatusError && (error.status === 403 || error.status === 404);
}

/** Whether a response has the bytes that are there. Throws when some do not come. */
async function hasSameBytes(
  { file, record }: Interrupted,
  { reader }: ProbeResult,
  { start, end }: ByteRange,
): Promise<boolean> {
  const block = { bytes: new Uint8Array(OVERLAP_BYTES) };
  for (let position = start; position < end;) {
    const length = await reader.read(block, Math.min(OVERLAP_BYTES, end - position));
    if (length === 0) throw endedEarly(position, end);
    const known = new Uint8Array(length);
    await readFully(file, known, position).catch((cause) => {
      throw storageError("check", `the part file of ${record.size} bytes`, cause);
    });
    if (known.some((byte, index) => byte !== block.bytes[index])) return false;
    position += length;
  }
  return true;
}

async function readFully(file: Interrupted["file"], into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const length = await file.read(into.subarray(done), position + done);
    if (length === 0) return;
    done += length;
  }
}

/** Progress is given up for a version that the server names, as an error page does not. */
function requireName(recorded: Validator, { verdict, remote }: ProbeResult): void {
  if (verdict.kind !== "whole" || strongValidator(recorded) === undefined) return;
  if (strongValidator(remote.validator) !== undefined) return;
  const reason = "the server answered with something that has neither ETag nor date, as an error page has";
  throw new RemoteChangedError(`Cannot go on: ${reason}; what is there is kept`, {
    reason,
    remedy: { options: ["resume"], how: "turn resume off", after: " to start again" },
  });
}
