import { RemoteChangedError } from "../errors.ts";
import { strongValidator } from "../http/headers.ts";
import type { ProbeResult } from "../http/probe.ts";
import { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../resolved_options.ts";
import type { RuntimeFile } from "../runtime/runtime.ts";
import { type ControlRecord, MAX_PIECES } from "../storage/control_format.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import type { RemoteFile } from "../types.ts";
import type { SessionContext } from "./context.ts";
import { probeFresh, probeInterrupted } from "./first_response.ts";
import { begunElsewhere, hashQuery, hashUrl, type Interrupted, isSameFile, prove } from "./resume.ts";

/** The most of a file that is held in memory until it is whole. */
const MOST_HELD_BYTES = 1024 * 1024;

/** From where a transfer goes on. */
export interface Start {
  readonly remote: RemoteFile;
  readonly file: RuntimeFile;
  /** Bytes that it has, which others may change at any time. */
  readonly fileSize: number;
  readonly pieces: PieceMap;
  /** The first response, `undefined` when everything is there already. */
  readonly first: ProbeResult | undefined;
  /** What the control file says beside the pieces. */
  readonly identity: Omit<ControlRecord, "bitmap" | "crcs" | "partial" | "partIdentity" | "partModifiedMs">;
}

/** Goes on with what an earlier run left if the server still has that version; begins anew otherwise. */
export async function start(
  context: SessionContext,
  output: Output,
  claimed: Interrupted | undefined,
  named: ProbeResult | undefined,
  signal: AbortSignal,
): Promise<Start> {
  const interrupted = claimed && await prove(context, output, claimed, signal);
  const isComplete = interrupted?.pieces.isComplete ?? false;
  if (interrupted !== undefined && isComplete && interrupted.isSameQuery) {
    named?.reader.close();
    return resumed(context, interrupted, undefined);
  }
  const confirmed = named === undefined && interrupted !== undefined && !isComplete
    ? await probeInterrupted(context, interrupted, signal)
    : undefined;
  const first = named ?? confirmed ?? await probeFresh(context, signal);
  try {
    if (interrupted !== undefined) {
      const goesOn = first.verdict.kind === "part" &&
        isSameFile(interrupted, first.remote, confirmed !== undefined);
      if (goesOn) return resumed(context, interrupted, first);
      requireReasonToStartAgain(context, output, interrupted, first);
      const isRefused = first.verdict.kind === "whole" && first.verdict.isSameVersion;
      const reason = isRefused ? "the server sends no parts of the file" : "the file on the server changed";
      context.log("warn", `${reason}; starting again`);
    }
    return await fresh(context, output, await fromTheStart(context, first, signal));
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

/** Progress is given up for a version that the server names, and for the URL that it belongs to. */
function requireReasonToStartAgain(
  { spec }: SessionContext,
  output: Output,
  { record, isSameQuery }: Interrupted,
  { remote, verdict }: ProbeResult,
): void {
  if (!isSameQuery && !spec.overwrite) throw begunElsewhere(output.path);
  const isNamed = strongValidator(record.validator) === undefined ||
    strongValidator(remote.validator) !== undefined;
  if (verdict.kind === "whole" && !isNamed) {
    throw new RemoteChangedError(
      "Cannot go on: the server answered with something that has neither ETag nor date, as an error page has; what is there is kept, and with resume off the download starts again",
    );
  }
}

function resumed(
  { spec, status, log }: SessionContext,
  { record, file, fileInfo, pieces }: Interrupted,
  first: ProbeResult | undefined,
): Start {
  status.total = record.size;
  status.meter.restart(pieces.doneBytes);
  log("info", `going on with ${pieces.doneBytes} of ${record.size} bytes from an earlier run`);
  const { urlHash, queryHash, size, validator, pieceSize } = record;
  const identity = { urlHash, queryHash, size, validator, pieceSize };
  const remote: RemoteFile = {
    finalUrl: first?.remote.finalUrl ?? spec.url,
    size,
    acceptsRanges: true,
    validator,
    contentDisposition: undefined,
  };
  return { remote, file, fileSize: fileInfo.size, pieces, first, identity };
}

/** A part from the middle of another version is of no use. */
async function fromTheStart(
  context: SessionContext,
  first: ProbeResult,
  signal: AbortSignal,
): Promise<ProbeResult> {
  if (first.verdict.kind !== "part" || first.verdict.range.start === 0) return first;
  first.reader.close();
  return await probeFresh(context, signal);
}

async function fresh(
  context: SessionContext,
  output: Output,
  first: ProbeResult,
): Promise<Start> {
  const { spec, status } = context;
  const { remote } = first;
  try {
    const size = remote.size ?? Infinity;
    const pieces = new PieceMap(size, boundedPieceSize(size, spec.pieceSize));
    const identity = {
      urlHash: hashUrl(spec.url),
      queryHash: hashQuery(spec.url),
      size: remote.size ?? 0,
      validator: remote.validator,
      pieceSize: boundedPieceSize(remote.size ?? 0, spec.pieceSize),
    };
    await output.clearPart();
    const create = async () => {
      if (remote.size !== undefined) await output.requireSpace(remote.size);
      // Before the part file, so that a part file is known to be ours whenever there is one.
      const nothing = new PieceMap(identity.size, identity.pieceSize).snapshot();
      await output.control.save({
        ...identity,
        partIdentity: undefined,
        partModifiedMs: undefined,
        ...nothing,
      });
      try {
        return await output.createPart();
      } catch (error) {
        await output.control.remove().catch(() => {}); // the failure that counts is `error`
        throw error;
      }
    };
    const isHeld = isSmall(size, spec) && !output.ownsPart;
    const file = isHeld ? output.holdPart(size, create) : await create();
    const isPreallocated = spec.fileAllocation === "prealloc" && remote.size !== undefined && !isHeld &&
      await preallocate(context, file, output.partPath, remote.size);
    const fileSize = isPreallocated ? size : 0;
    status.total = remote.size;
    status.meter.restart(0);
    return { remote, file, fileSize, pieces, first, identity };
  } catch (error) {
    first.reader.close();
    await output.discard().catch(() => {}); // the failure that counts is `error`
    throw error;
  }
}

/** Whether a file is fetched into memory first: one of a single piece, where there is room. */
function isSmall(size: number, { pieceSize, memoryBudget }: ResolvedSpec): boolean {
  return size <= Math.min(pieceSize, MOST_HELD_BYTES, memoryBudget / 4);
}

/** Returns whether it was done: a disk that cannot do it is written as data comes. */
async function preallocate(
  { log }: SessionContext,
  file: RuntimeFile,
  path: string,
  size: number,
): Promise<boolean> {
  try {
    await file.truncate(size);
    return true;
  } catch (cause) {
    const error = storageError("preallocate", path, cause);
    if (error.code === "disk_full") throw error;
    log("info", `${error.message}; going on without`);
    return false;
  }
}

/** Very large files get larger pieces, so that the control file stays small. */
function boundedPieceSize(size: number, pieceSize: number): number {
  let bounded = pieceSize;
  while (size !== Infinity && Math.ceil(size / bounded) > MAX_PIECES) bounded *= 2;
  return bounded;
}
