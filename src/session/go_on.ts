import { DownloadError, HttpStatusError, RemoteChangedError } from "../errors.ts";
import type { ProbeResult } from "../http/probe.ts";
import { agree, proveSame, strongValidator } from "../http/validator.ts";
import { storageError } from "../storage/storage_error.ts";
import type { ByteRange, Validator } from "../types.ts";
import { isJudgedByChecksum, type SessionContext } from "./context.ts";
import { askOnce, mayBeOddity, mostAtFirst, newBudget } from "./sources/first_response.ts";
import { KnownVersion } from "./sources/known_version.ts";
import type { Interrupted } from "./resume.ts";
import { endedEarly, withRetries } from "./sources/retry.ts";

/** How much before the first missing byte is asked for once more, to compare it with what is there. */
const OVERLAP_BYTES = 64 * 1024;
/** So many equal bytes prove the version where nothing else does. */
const LEAST_PROOF_BYTES = 4 * 1024;

/** What a server says to an unfinished download. */
export type GoingOn =
  /** It has that version still. `first` begins where something is missing, its overlap having been compared. */
  | { readonly kind: "goes on"; readonly first: ProbeResult; readonly version: KnownVersion }
  /** It has that version, and sends it whole only: `first` is all of it. */
  | { readonly kind: "no parts"; readonly first: ProbeResult }
  /** It has another one. `first` is a response that can be used for that. */
  | { readonly kind: "changed"; readonly first: ProbeResult | undefined };

/** What is asked for, and from where on it is missing. */
interface Overlap {
  readonly range: ByteRange;
  readonly missingFrom: number;
}

/**
 * Asks for what an earlier run lacks: on condition that the file is still the same, then without that condition, then
 * plainly, each where the answer before says nothing for certain. Bytes that are there already are compared on the way.
 */
export async function askToGoOn(
  context: SessionContext,
  interrupted: Interrupted,
  signal: AbortSignal,
): Promise<GoingOn> {
  const overlap = chooseOverlap(context, interrupted);
  const ifRange = interrupted.isSameUrl ? strongValidator(interrupted.record.validator) : undefined;
  const budget = newBudget(context);
  for (const condition of new Set([ifRange, undefined])) {
    const attempt = () => askForPart(context, interrupted, overlap, condition, signal);
    const answer = await withRetries(context, budget, signal, attempt);
    if (answer === "plain") break;
    if (answer !== "unclear") return answer;
  }
  return await withRetries(context, budget, signal, () => askForWhole(context, interrupted, signal));
}

/**
 * Judges a response that was asked for another reason, from byte 0 on. Where it does not reach what is missing, that is
 * asked for.
 */
export async function judgeNamed(
  context: SessionContext,
  interrupted: Interrupted,
  named: ProbeResult,
  signal: AbortSignal,
): Promise<GoingOn> {
  const { record, pieces } = interrupted;
  if (named.verdict.kind !== "part") {
    const isSame = named.remote.size === record.size && agree(record.validator, named.remote.validator);
    requireName(record.validator, named);
    return { kind: isSame ? "no parts" : "changed", first: named };
  }
  const isPossible = named.remote.size === record.size &&
    (isJudgedByChecksum(context) || agree(record.validator, named.remote.validator));
  if (!isPossible) return { kind: "changed", first: named };
  const { end } = named.verdict.range;
  if (pieces.isComplete) {
    return await judgePart(context, interrupted, named, Math.min(OVERLAP_BYTES, end), false);
  }
  const missingFrom = pieces.missing()[0]!.start;
  try {
    if (missingFrom > 0 && missingFrom <= end) {
      return await judgePart(context, interrupted, named, missingFrom, false);
    }
  } catch (error) {
    if (!(error instanceof DownloadError) || !error.retryable) throw error;
    context.log("info", `${error.message}; asking for what is missing`);
  }
  named.reader.close();
  return await askToGoOn(context, interrupted, signal);
}

function chooseOverlap(context: SessionContext, { pieces }: Interrupted): Overlap {
  const gaps = pieces.missing();
  // The lowest that has something before it.
  const index = gaps[0]!.start === 0 && gaps.length > 1 ? 1 : 0;
  const gap = gaps[index]!;
  // A longer request than that may be refused.
  const most = mostAtFirst(context);
  const overlap = Math.min(gap.start - (gaps[index - 1]?.end ?? 0), OVERLAP_BYTES, Math.floor(most / 2));
  const start = gap.start - overlap;
  return { range: { start, end: Math.min(gap.end, start + most) }, missingFrom: gap.start };
}

async function askForPart(
  context: SessionContext,
  interrupted: Interrupted,
  { range, missingFrom }: Overlap,
  ifRange: string | undefined,
  signal: AbortSignal,
): Promise<GoingOn | "unclear" | "plain"> {
  const { record } = interrupted;
  let first: ProbeResult;
  try {
    const version = versionOf(context, interrupted);
    first = await askOnce(context, { range, version, ifRange }, signal);
  } catch (error) {
    if (error instanceof RemoteChangedError) return { kind: "changed", first: undefined };
    if (!mayBeOddity(error) || error.retryable) throw error;
    context.log("info", `${error.message}; asking otherwise`);
    return isRefusal(error) ? "plain" : "unclear";
  }
  if (first.verdict.kind === "part") {
    return await judgePart(context, interrupted, first, missingFrom, ifRange !== undefined);
  }
  first.reader.close();
  const { validator } = first.remote;
  const isOther = !agree(record.validator, validator) && strongValidator(validator) !== undefined;
  return isOther && !isJudgedByChecksum(context) ? { kind: "changed", first: undefined } : "unclear";
}

/** It is not the condition that such a server dislikes. */
function isRefusal(error: DownloadError): boolean {
  return error instanceof HttpStatusError && (error.status === 403 || error.status === 404);
}

async function judgePart(
  context: SessionContext,
  interrupted: Interrupted,
  first: ProbeResult,
  missingFrom: number,
  saidIfRange: boolean,
): Promise<GoingOn> {
  try {
    const { record } = interrupted;
    const { verdict, remote: { validator } } = first;
    if (verdict.kind !== "part") throw new TypeError("Cannot compare what is no part");
    const { start, end } = verdict.range;
    const compared = await compareOverlap(interrupted, first, start, Math.min(end, missingFrom));
    if (compared === undefined) {
      context.log("warn", "the server sends other bytes than those that are there");
      first.reader.close();
      return { kind: "changed", first: undefined };
    }
    const isProven = saidIfRange || proveSame(record.validator, validator);
    const judged = isJudgedByChecksum(context);
    if (!isProven && !judged && compared < LEAST_PROOF_BYTES) {
      first.reader.close();
      return { kind: "changed", first: undefined };
    }
    // A date that was too young has become old enough since.
    const version = new KnownVersion(record.size, isProven ? record.validator : validator, judged);
    if (isProven) version.noteSame(validator);
    else if (judged) version.noteLeftovers(record.validator);
    const range = { start: missingFrom, end: Math.max(missingFrom, verdict.range.end) };
    return { kind: "goes on", first: { ...first, verdict: { ...verdict, range } }, version };
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

/** How many bytes are equal, all of those from `start` to `end`; `undefined` when one is not. Throws when some do not come. */
async function compareOverlap(
  { file, record }: Interrupted,
  { reader }: ProbeResult,
  start: number,
  end: number,
): Promise<number | undefined> {
  const block = { bytes: new Uint8Array(OVERLAP_BYTES) };
  for (let position = start; position < end;) {
    const length = await reader.read(block, Math.min(OVERLAP_BYTES, end - position));
    if (length === 0) throw endedEarly(position, end);
    const known = new Uint8Array(length);
    await readFully(file, known, position).catch((cause) => {
      throw storageError("check", `the part file of ${record.size} bytes`, cause);
    });
    if (known.some((byte, index) => byte !== block.bytes[index])) return undefined;
    position += length;
  }
  return end - start;
}

async function readFully(file: Interrupted["file"], into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const length = await file.read(into.subarray(done), position + done);
    if (length === 0) return;
    done += length;
  }
}

/** What a client without ranges would get decides. */
async function askForWhole(
  context: SessionContext,
  interrupted: Interrupted,
  signal: AbortSignal,
): Promise<GoingOn> {
  const version = versionOf(context, interrupted);
  const first = await askOnce(context, { range: undefined, version, ifRange: undefined }, signal);
  try {
    requireName(interrupted.record.validator, first);
    const isSame = first.verdict.kind === "whole" && first.verdict.isSameVersion;
    if (isSame) return { kind: "no parts", first };
    first.reader.close();
    return { kind: "changed", first: undefined };
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

/** Progress is given up for a version that the server names, as an error page does not. */
function requireName(recorded: Validator, { verdict, remote }: ProbeResult): void {
  if (verdict.kind !== "whole" || strongValidator(recorded) === undefined) return;
  if (strongValidator(remote.validator) !== undefined) return;
  throw new RemoteChangedError(
    "Cannot go on: the server answered with something that has neither ETag nor date, as an error page has; what is there is kept",
    { remedy: { options: ["resume"], how: "turn resume off", after: " to start again" } },
  );
}

function versionOf(context: SessionContext, { record: { size, validator } }: Interrupted) {
  return { size, validator, isJudgedByChecksum: isJudgedByChecksum(context) };
}
