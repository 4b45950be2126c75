import { ControlFileError } from "../errors.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import { PieceMap } from "../plan/piece_map.ts";
import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";
import type { RecordedPart, SizedFile } from "../storage/control_record.ts";
import type { Leftovers } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import { MAX_UNPROVEN } from "../storage/journal/journal.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Logger } from "../types.ts";
import type { Progress } from "./progress.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import { decideStart, type Found, type FoundRecord, type StartDecision } from "./start_decision.ts";
import { hashUrl, isOfUrl } from "./sources/url_hash.ts";
import { CHECKED_BYTES, Proof } from "./transfer/proof.ts";

/** An unfinished download that an earlier run left. */
export interface Interrupted {
  /** The file on the server as the control file records it. */
  readonly record: SizedFile;
  /** The part file at the latest checkpoint; `undefined` where it was certainly written since. */
  readonly part: RecordedPart | undefined;
  readonly file: RuntimeFile;
  readonly fileInfo: FileInfo;
  /** The bytes that the control file claims; after `prove()` only those that are not known to be wrong. */
  readonly pieces: PieceMap;
  /** Checks the claims that `prove()` did not check; `undefined` where all of them are right. */
  readonly proof: Proof | undefined;
  /** The facts that decide how the download starts. */
  readonly found: Found & { readonly control: FoundRecord };
}

/** What resuming works with. */
export interface ResumeTools {
  readonly spec: ResolvedSpec;
  readonly log: Logger;
}

/** Finds an unfinished download of an earlier run; `undefined` when there is nothing to resume. */
export async function findLeftovers(
  output: Output,
  leftovers: Leftovers,
  { spec, log }: ResumeTools,
): Promise<Interrupted | undefined> {
  const given = { isJudged: isJudgedByChecksum(spec), options: spec };
  if (leftovers.kind !== "leftover") {
    const { kind } = decideStart({ ...given, control: leftovers.kind });
    if (kind !== "set aside" || leftovers.kind !== "damaged") return undefined;
    const aside = await leftovers.setAside();
    const what = `the control file is unusable (${leftovers.reason}); it was moved to "${aside}"`;
    log("warn", `${what}; restarting`);
    return undefined;
  }
  const { record: { file: recorded, part: recordedPart, progress }, journal } = leftovers;
  // A record without a size claims no bytes.
  const record = { ...recorded, size: recorded.size ?? 0 };
  const pieces = new PieceMap(record.size, progress.pieceSize);
  // In ascending order, because each range is then added at the end of the others.
  const partial = [...progress.partial, ...journal].toSorted((one, other) => one.start - other.start);
  pieces.restore({ ...progress, partial });
  const control = {
    isSameUrl: record.urlHash === hashUrl(spec.url),
    isSameQuery: isOfUrl(record, spec.url),
    validator: record.validator,
    claimedBytes: pieces.doneBytes,
  };
  const found = { ...given, control };
  if (startsFresh(decideStart(found), output, log)) return undefined;
  const part = await leftovers.openPart();
  const decision = decideStart({ ...found, part: part === undefined ? "missing" : "opened" });
  if (startsFresh(decision, output, log) || part === undefined) return undefined;
  const unchanged = journal.length > 0 ? undefined : recordedPart;
  const proof = undefined;
  return { record, part: unchanged, file: part.file, fileInfo: part.info, pieces, proof, found };
}

/** Whether a download starts at byte 0. Reports the progress that is lost. Throws where the download may not start. */
export function startsFresh(
  decision: StartDecision,
  { path, part, place }: Output,
  log: Logger,
): boolean {
  if (decision.kind === "refuse") {
    const reason = "it was started from another URL";
    throw new ControlFileError(place.names.control, `Cannot resume "${path}": ${reason}`, {
      reason,
      remedy: {
        before: "choose another output, or ",
        options: ["resume"],
        how: "turn resume off",
        after: " to restart",
      },
    });
  }
  if (decision.kind !== "fresh") return false;
  if (decision.reason !== undefined) {
    const why = {
      "unnamed version": "the server sends nothing that identifies the version of the file",
      "no part file": `"${part.path}" is missing or not a file`,
      "no ranges": "the server does not send ranges",
      "changed": "the file on the server changed",
    };
    log("warn", `${why[decision.reason]}; restarting`);
  }
  return true;
}

/** What proving works with. */
export interface ProveTools extends ResumeTools {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Checks the claims of the control file as far as the first request needs it, or all of them if `isThorough`. Without
 * changes of the part file since the claims were saved, nothing is read.
 */
export async function prove(
  interrupted: Interrupted,
  output: Output,
  isThorough: boolean,
  { spec, log, progress, signal }: ProveTools,
): Promise<Interrupted> {
  const { record, file, fileInfo, pieces: claimed } = interrupted;
  if (isUntouched(interrupted)) return withPieces(interrupted, claimed, fileInfo);
  const fileSize = Math.min(fileInfo.size, record.size);
  const proof = new Proof(claimed, fileSize);
  const reader = { file, buffer: new Uint8Array(Math.min(CHECKED_BYTES, spec.memoryBudget)), signal };
  progress.verifying();
  try {
    if (isThorough || countOf(proof.unproven()) > MAX_UNPROVEN) await proof.proveAll(reader);
    else await proof.proveOverlap(reader);
    if (fileInfo.size > fileSize) await file.truncate(fileSize);
  } catch (cause) {
    signal.throwIfAborted();
    throw storageError("check", output.part.path, cause);
  }
  progress.fetching();
  const proven = withPieces(interrupted, proof.possible, { ...fileInfo, size: fileSize });
  if (!proof.isOver) return { ...proven, proof };
  reportProof(proof, output.part.path, log);
  return proven;
}

/** Reports what a proof that is over came to. */
export function reportProof({ outcome }: Proof, path: string, log: Logger): void {
  log(
    outcome.isRight ? "info" : "warn",
    `"${path}" was changed or replaced since progress was saved; ${outcome.text}`,
  );
}

function countOf(ranges: Iterable<unknown>): number {
  let count = 0;
  for (const _ of ranges) count++;
  return count;
}

function withPieces(interrupted: Interrupted, pieces: PieceMap, fileInfo: FileInfo): Interrupted {
  const { doneBytes, isComplete } = pieces;
  const found = { ...interrupted.found, part: { doneBytes, isComplete } };
  return { ...interrupted, fileInfo, pieces, found };
}

/** Whether the part file is the recorded file and was not changed since. */
function isUntouched({ record, part, fileInfo, pieces }: Interrupted): boolean {
  const { identity, modifiedMs, size } = fileInfo;
  const isSame = identity !== undefined && identity === part?.identity &&
    modifiedMs !== undefined && modifiedMs === part.modifiedMs;
  return isSame && size <= record.size && size >= endOf(pieces);
}

/** The end of the last known range. */
function endOf(pieces: PieceMap): number {
  let end = 0;
  for (const range of pieces.known()) end = range.end;
  return end;
}
