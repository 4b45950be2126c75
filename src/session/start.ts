import { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { RuntimeFile } from "../runtime/runtime.ts";
import { type ControlRecord, MAX_PIECES } from "../storage/control_format.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Logger, RemoteFile } from "../types.ts";
import type { Progress } from "./progress.ts";
import type { Interrupted } from "./resume.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { KnownVersion } from "./sources/known_version.ts";
import { hashQuery, hashUrl } from "./sources/url_hash.ts";

/** The most of a file that is held in memory until it is whole. */
const MOST_HELD_BYTES = 1024 * 1024;

/** From where a transfer goes on. */
export interface Start {
  readonly remote: RemoteFile;
  readonly version: KnownVersion;
  readonly file: RuntimeFile;
  /** Bytes that it has, which others may change at any time. */
  readonly fileSize: number;
  readonly pieces: PieceMap;
  /** The first response, `undefined` when everything is there already. */
  readonly first: FirstResponse | undefined;
  /** What the control file says beside the version and the pieces. */
  readonly identity: Pick<ControlRecord, "urlHash" | "queryHash" | "size" | "pieceSize">;
}

/** What a start is made with. */
export interface StartTools {
  readonly spec: ResolvedSpec;
  readonly log: Logger;
  readonly progress: Progress;
}

/** Starts with what an earlier run left. `first` is the response that has what is missing. */
export function startResumed(
  { record, file, fileInfo, pieces }: Interrupted,
  version: KnownVersion,
  first: FirstResponse | undefined,
  { spec, log, progress }: StartTools,
): Start {
  progress.resumedAt(pieces.doneBytes, record.size);
  log("info", `going on with ${pieces.doneBytes} of ${record.size} bytes from an earlier run`);
  const { urlHash, queryHash, size, pieceSize } = record;
  const identity = { urlHash, queryHash, size, pieceSize };
  const remote: RemoteFile = {
    finalUrl: first?.remote.finalUrl ?? spec.url,
    size,
    acceptsRanges: true,
    validator: version.validator,
    contentDisposition: undefined,
  };
  return { remote, version, file, fileSize: fileInfo.size, pieces, first: first?.take(), identity };
}

/** Starts at byte 0 with an empty part file. Where that fails nothing is left. */
export async function startFresh(
  given: FirstResponse,
  output: Output,
  { spec, log, progress }: StartTools,
): Promise<Start> {
  try {
    using first = given.take();
    const { remote } = first;
    const size = remote.size ?? Infinity;
    const pieces = new PieceMap(size, boundedPieceSize(size, spec.pieceSize));
    const identity = {
      urlHash: hashUrl(spec.url),
      queryHash: hashQuery(spec.url),
      size: remote.size ?? 0,
      pieceSize: boundedPieceSize(remote.size ?? 0, spec.pieceSize),
    };
    await output.clearPart();
    const create = async () => {
      if (remote.size !== undefined) await output.requireSpace(remote.size);
      // Before the part file, so that a part file is known to be ours whenever there is one.
      const nothing = new PieceMap(identity.size, identity.pieceSize).snapshot();
      await output.control.save({
        ...identity,
        validator: remote.validator,
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
      await preallocate(file, output.partPath, remote.size, log);
    const fileSize = isPreallocated ? size : 0;
    progress.restarted(remote.size);
    const version = new KnownVersion(remote.size, remote.validator, isJudgedByChecksum(spec));
    return { remote, version, file, fileSize, pieces, first: first.take(), identity };
  } catch (error) {
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
  file: RuntimeFile,
  path: string,
  size: number,
  log: Logger,
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
