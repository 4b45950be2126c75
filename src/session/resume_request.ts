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
import { firstGap, OVERLAP_BYTES } from "./transfer/proof.ts";

/** How many equal bytes prove the version where nothing else does. */
const LEAST_PROOF_BYTES = 4 * 1024;

/** The server's answer to the request for the missing bytes. */
export type ResumeAnswer =
  /** The server still has that version. The overlap was compared, and `first` continues with missing bytes. */
  | { readonly kind: "same"; readonly first: FirstResponse; readonly version: KnownVersion }
  /** The server has that version, but sends only the complete file. `first` is that response. */
  | { readonly kind: "no ranges"; readonly first: FirstResponse }
  /** The server has another version. `first` is a response that can be used for a restart. */
  | { readonly kind: "changed"; readonly first: FirstResponse | undefined };

/** The requested range, and the offset from which its bytes are missing. */
interface Overlap {
  readonly range: ByteRange;
  readonly missingFrom: number;
}

/** Finds out whether a server still has the version of an unfinished download, and requests the missing bytes. */
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
   * Requests the missing bytes. The first request has the condition that the file is still the same. If its answer
   * proves nothing, a request without the condition follows, then one without a range. Bytes that are on disk
   * already are compared.
   */
  async send(): Promise<ResumeAnswer> {
    const { record, found } = this.#interrupted;
    const overlap = this.#chooseOverlap();
    const ifRange = found.control.isSameUrl ? strongValidator(record.validator) : undefined;
    const budget = this.#requests.newBudget();
    for (const condition of new Set([ifRange, undefined])) {
      const answer = await this.#requests.withRetries(() => this.#requestPart(overlap, condition), budget);
      if (answer === "plain") break;
      if (answer !== "unclear") return answer;
    }
    return await this.#requests.withRetries(() => this.#requestFile(), budget);
  }

  /**
   * Judges a response that starts at byte 0 and was requested for another reason. If it does not reach the missing
   * bytes, they are requested.
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
      this.#log("info", `${error.message}; requesting what is missing`);
      return undefined;
    }
  }

  #chooseOverlap(): Overlap {
    const gap = firstGap(this.#interrupted.pieces)!;
    // A server may refuse a longer range.
    const most = this.#requests.mostBytes;
    const overlap = Math.min(gap.before, OVERLAP_BYTES, Math.floor(most / 2));
    const start = gap.start - overlap;
    return { range: { start, end: Math.min(gap.end, start + most) }, missingFrom: gap.start };
  }

  async #requestPart(
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
      this.#log("info", `${error.message}; trying another request`);
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
    if (verdict.kind !== "part") {
      throw new TypeError("Cannot compare: the response is not a part of the file");
    }
    const { start, end } = verdict.range;
    const overlapEnd = Math.min(end, missingFrom);
    const comparedEnd = await compareBytes(this.#interrupted, first, { start, end: overlapEnd });
    if (comparedEnd === undefined) {
      this.#log("warn", "the server sends other bytes than those on disk");
      return { kind: "changed", first: undefined };
    }
    const isProven = saidIfRange || proveSame(record.validator, validator);
    if (!isProven && !this.#isJudged && comparedEnd - start < LEAST_PROOF_BYTES) {
      return { kind: "changed", first: undefined };
    }
    // A `Last-Modified` that was too young when it was recorded has become old enough.
    const version = new KnownVersion(record.size, isProven ? record.validator : validator, this.#isJudged);
    if (isProven) version.noteSame(validator);
    else if (this.#isJudged) version.noteLeftovers(record.validator);
    const missingEnd = comparedEnd < overlapEnd ? missingFrom : Math.max(missingFrom, end);
    const range = { start: missingFrom, end: missingEnd };
    return { kind: "same", first: first.take({ verdict: { ...verdict, range } }), version };
  }

  /** Requests the complete file without a range. Its version decides. */
  async #requestFile(): Promise<ResumeAnswer> {
    using first = await this.#requests.send({ range: undefined, version: this.#version, ifRange: undefined });
    requireName(this.#interrupted.record.validator, first);
    const isSame = first.verdict.kind === "complete" && first.verdict.isSameVersion;
    return isSame ? { kind: "no ranges", first: first.take() } : { kind: "changed", first: undefined };
  }

  get #version(): ExpectedVersion {
    const { size, validator } = this.#interrupted.record;
    return { size, validator, isJudgedByChecksum: this.#isJudged };
  }
}

/** Whether the server refused the range, and not the condition. */
function isRefusal(error: DownloadError): boolean {
  return error instanceof HttpStatusError && (error.status === 403 || error.status === 404);
}

/**
 * Compares a response with the bytes on disk. Returns the offset up to which they are equal, `undefined` if they
 * differ. Where a server sends only short parts, the body ends before `end`; then what it brought must prove the
 * version.
 */
async function compareBytes(
  { file, record }: Interrupted,
  { reader }: ProbeResult,
  { start, end }: ByteRange,
): Promise<number | undefined> {
  const block = { bytes: new Uint8Array(OVERLAP_BYTES) };
  for (let position = start; position < end;) {
    let length: number;
    try {
      length = await reader.read(block, Math.min(OVERLAP_BYTES, end - position));
      if (length === 0) throw endedEarly(position, end);
    } catch (error) {
      const isCutOff = error instanceof DownloadError && error.retryable;
      if (isCutOff && position - start >= LEAST_PROOF_BYTES) return position;
      throw error;
    }
    const known = new Uint8Array(length);
    await readFully(file, known, position).catch((cause) => {
      throw storageError("check", `the part file of ${record.size} bytes`, cause);
    });
    if (known.some((byte, index) => byte !== block.bytes[index])) return undefined;
    position += length;
  }
  return end;
}

async function readFully(file: Interrupted["file"], into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const length = await file.read(into.subarray(done), position + done);
    if (length === 0) return;
    done += length;
  }
}

/** Throws unless the response names its version. An error page names none, so no progress is dropped for it. */
function requireName(recorded: Validator, { verdict, remote }: ProbeResult): void {
  if (verdict.kind !== "complete" || strongValidator(recorded) === undefined) return;
  if (strongValidator(remote.validator) !== undefined) return;
  const reason = "the server answered with something that has neither ETag nor date, as an error page has";
  throw new RemoteChangedError(`Cannot continue: ${reason}; the data on disk is kept`, {
    reason,
    remedy: { options: ["resume"], how: "turn resume off", after: " to restart" },
  });
}
