import { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import { newSink } from "../sink/new_sink.ts";
import { PartFileSink } from "../sink/part_file_sink.ts";
import type { Sink } from "../sink/sink.ts";
import { MAX_PIECES } from "../storage/control_format.ts";
import type { RecordedFile } from "../storage/control_record.ts";
import { discard } from "../storage/discard.ts";
import type { Output } from "../storage/output.ts";
import type { Logger, RemoteFile, Validator } from "../types.ts";
import type { Progress } from "./progress.ts";
import type { Interrupted } from "./resume.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { KnownVersion } from "./sources/known_version.ts";
import { hashQuery, hashUrl } from "./sources/url_hash.ts";
import type { Proof } from "./transfer/proof.ts";

/** The largest file that is kept in memory until it is complete, in bytes. */
const MOST_BUFFERED_BYTES = 1024 * 1024;

/** The state that a transfer starts from. */
export interface Start {
  readonly remote: RemoteFile;
  readonly version: KnownVersion;
  /** What names the version in the control file. */
  readonly named: Validator;
  readonly sink: Sink;
  readonly pieces: PieceMap;
  /** Checks the claims of an earlier run that are not among `pieces` yet; `undefined` where there are none. */
  readonly proof: Proof | undefined;
  /** The first response; `undefined` when no bytes are missing. */
  readonly first: FirstResponse | undefined;
  /** The control file's data about the file, without its version. */
  readonly identity: Omit<RecordedFile, "validator">;
}

/** What making a start works with. */
export interface StartTools {
  readonly spec: ResolvedSpec;
  readonly log: Logger;
  readonly progress: Progress;
}

/** Resumes an unfinished download. `first` is the response with the missing bytes. */
export function startResumed(
  { record, file, fileInfo, pieces: possible, proof }: Interrupted,
  output: Output,
  { version, first }: Pick<Start, "version" | "first">,
  { spec, log, progress }: StartTools,
): Start {
  const pieces = proof?.proven ?? possible;
  progress.resumedAt(pieces.doneBytes, record.size);
  log("info", `resuming with ${possible.doneBytes} of ${record.size} bytes from an earlier run`);
  const { urlHash, queryHash, size } = record;
  const identity = { urlHash, queryHash, size };
  const remote: RemoteFile = {
    finalUrl: first?.remote.finalUrl ?? spec.url,
    size,
    acceptsRanges: true,
    validator: version.validator,
    contentDisposition: undefined,
  };
  const sink = new PartFileSink(output, file, { size: fileInfo.size, finalSize: size });
  const named = record.validator;
  return { remote, version, named, sink, pieces, proof, first: first?.take(), identity };
}

/** Starts at byte 0 with an empty sink. A failure leaves no files. */
export async function startFresh(
  given: FirstResponse,
  output: Output,
  { spec, log, progress }: StartTools,
): Promise<Start> {
  try {
    using first = given.take();
    const { remote } = first;
    const size = remote.size ?? Infinity;
    const pieceSize = boundedPieceSize(size, spec.pieceSize);
    const pieces = new PieceMap(size, pieceSize);
    const identity = {
      urlHash: hashUrl(spec.url),
      queryHash: hashQuery(spec.url),
      size: remote.size,
    };
    const sink = await newSink(output, {
      file: { ...identity, validator: remote.validator },
      pieceSize,
      memoryLimit: memoryLimit(spec),
      isPreallocated: spec.fileAllocation === "prealloc",
      log,
    });
    progress.restarted(remote.size);
    const version = new KnownVersion(remote.size, remote.validator, isJudgedByChecksum(spec));
    const named = remote.validator;
    return { remote, version, named, sink, pieces, proof: undefined, first: first.take(), identity };
  } catch (error) {
    await discard(output).catch(() => {}); // the failure that counts is `error`
    throw error;
  }
}

/** The largest file to keep in memory. It has at most one piece and fits into the memory budget. */
function memoryLimit({ pieceSize, memoryBudget }: ResolvedSpec): number {
  return Math.min(pieceSize, MOST_BUFFERED_BYTES, memoryBudget / 4);
}

/** The piece size for a file. Very large files get larger pieces, so that the control file stays small. */
function boundedPieceSize(size: number, pieceSize: number): number {
  let bounded = pieceSize;
  while (size !== Infinity && Math.ceil(size / bounded) > MAX_PIECES) bounded *= 2;
  return bounded;
}
