import type { ProbeResult } from "../http/probe.ts";
import { RemoteChangedError } from "../errors.ts";
import { agree, namesVersion } from "../http/validator.ts";
import { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import { MAX_PIECES } from "../storage/control_format.ts";
import type { RecordedFile } from "../storage/control_record.ts";
import type { Output } from "../storage/output.ts";
import { discard } from "../storage/discard.ts";
import { newSink } from "../sink/new_sink.ts";
import { PartFileSink } from "../sink/part_file_sink.ts";
import type { Sink } from "../sink/sink.ts";
import type { RemoteFile, Validator } from "../types.ts";
import { isJudgedByChecksum, type SessionContext } from "./context.ts";
import { probeFresh, probePlainly } from "./sources/first_response.ts";
import { askToGoOn, type GoingOn, judgeNamed } from "./go_on.ts";
import { KnownVersion } from "./sources/known_version.ts";
import { begunElsewhere, hashQuery, hashUrl, type Interrupted, prove } from "./resume.ts";

/** The most of a file that is kept in memory until it is complete. */
const MOST_BUFFERED_BYTES = 1024 * 1024;

/** From where a transfer goes on. */
export interface Start {
  readonly remote: RemoteFile;
  readonly version: KnownVersion;
  readonly sink: Sink;
  readonly pieces: PieceMap;
  /** The first response, `undefined` when everything is there already. */
  readonly first: ProbeResult | undefined;
  /** What the control file says of the file beside its version. */
  readonly identity: Omit<RecordedFile, "validator">;
}

/** A start with one request for the whole file. */
export interface PlainStart {
  /** What the version must be called, if that matters: an error page would do otherwise. */
  readonly like: Validator | undefined;
}

/** Begins anew with one request for the whole file, so that nothing can be mixed. */
export async function startPlainly(
  context: SessionContext,
  output: Output,
  { like }: PlainStart,
  signal: AbortSignal,
): Promise<Start> {
  const first = await probePlainly(context, signal);
  const { validator } = first.remote;
  const isFree = like === undefined || !namesVersion(like) || isJudgedByChecksum(context);
  if (isFree || (namesVersion(validator) && agree(like, validator))) {
    return await fresh(context, output, first);
  }
  first.reader.close();
  throw new RemoteChangedError("Cannot go on: the file on the server changed; what is there is kept");
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
  if (interrupted === undefined) {
    return await fresh(context, output, named ?? await probeFresh(context, signal));
  }
  const { record, pieces, isSameQuery } = interrupted;
  if (pieces.isComplete && (isSameQuery || isJudgedByChecksum(context))) {
    named?.reader.close();
    const version = new KnownVersion(record.size, record.validator, isJudgedByChecksum(context));
    if (!isSameQuery) version.noteLeftovers(record.validator);
    return resumed(context, output, interrupted, { version, first: undefined });
  }
  const answer = await ask(context, interrupted, named, signal);
  if (answer.kind === "goes on") return resumed(context, output, interrupted, answer);
  try {
    if (!isSameQuery && !context.spec.overwrite) throw begunElsewhere(output);
    const reason = answer.kind === "no parts"
      ? "the server sends no parts of the file"
      : "the file on the server changed";
    context.log("warn", `${reason}; starting again`);
    return await fresh(context, output, answer.first ?? await probeFresh(context, signal));
  } catch (error) {
    answer.first?.reader.close();
    throw error;
  }
}

async function ask(
  context: SessionContext,
  interrupted: Interrupted,
  named: ProbeResult | undefined,
  signal: AbortSignal,
): Promise<GoingOn> {
  const first = named ?? (interrupted.pieces.isComplete ? await probeFresh(context, signal) : undefined);
  if (first === undefined) return await askToGoOn(context, interrupted, signal);
  try {
    return await judgeNamed(context, interrupted, first, signal);
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

function resumed(
  { spec, status, log }: SessionContext,
  output: Output,
  { record, file, fileInfo, pieces }: Interrupted,
  { version, first }: Pick<Start, "version" | "first">,
): Start {
  status.total = record.size;
  status.meter.restart(pieces.doneBytes);
  log("info", `going on with ${pieces.doneBytes} of ${record.size} bytes from an earlier run`);
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
  return { remote, version, sink, pieces, first, identity };
}

async function fresh(
  context: SessionContext,
  output: Output,
  first: ProbeResult,
): Promise<Start> {
  const { spec, status, log } = context;
  const { remote } = first;
  try {
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
    status.total = remote.size;
    status.meter.restart(0);
    const version = new KnownVersion(remote.size, remote.validator, isJudgedByChecksum(context));
    return { remote, version, sink, pieces, first, identity };
  } catch (error) {
    first.reader.close();
    await discard(output).catch(() => {}); // the failure that counts is `error`
    throw error;
  }
}

/** A file is kept in memory until it is complete if it is of a single piece, and where there is room. */
function memoryLimit({ pieceSize, memoryBudget }: ResolvedSpec): number {
  return Math.min(pieceSize, MOST_BUFFERED_BYTES, memoryBudget / 4);
}

/** Very large files get larger pieces, so that the control file stays small. */
function boundedPieceSize(size: number, pieceSize: number): number {
  let bounded = pieceSize;
  while (size !== Infinity && Math.ceil(size / bounded) > MAX_PIECES) bounded *= 2;
  return bounded;
}
