import { formatChecksum } from "../checksum.ts";
import { ChecksumMismatchError } from "../errors.ts";
import type { ProbeResult } from "../http/probe.ts";
import { PrefixHasher } from "../integrity/prefix_hasher.ts";
import { Scheduler } from "../plan/scheduler.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Output } from "../storage/output.ts";
import type { DownloadResult } from "../types.ts";
import { OVER } from "../waiting.ts";
import { Assembly } from "./assembly.ts";
import type { SessionContext } from "./context.ts";
import { expectedByCaller, expectedByServer, type ExpectedChecksum } from "./expected_checksum.ts";
import { locate } from "./locate.ts";
import { HttpWorker } from "./http_worker.ts";
import { findLeftovers, type Interrupted, isOfUrl } from "./resume.ts";
import { type Start, start } from "./start.ts";
import { Transfer } from "./transfer.ts";

/** With how many connections a download begins that finds out how many are best. */
const FIRST_CONNECTIONS = 4;
const VERIFY_BUFFER_BYTES = 256 * 1024;

/** How a download is stopped from outside. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** Whether what has arrived is to be removed. */
  readonly isDiscarded: () => boolean;
}

/** Runs one download from its URL to its final name. */
export async function runSession(context: SessionContext, stop: StopRequest): Promise<DownloadResult> {
  const { clock } = context.runtime;
  const startedMs = clock.monotonicMs();
  context.status.startedMs = startedMs;
  context.status.state = "downloading";
  const { output, first } = await locate(context, stop.signal);
  try {
    const expected = await expectedByCaller(context, output.path, stop.signal);
    const { verified, ...outcome } = await fetchInto(output, first, { ...context, expected }, stop);
    return {
      path: output.path,
      fetchedBytes: context.status.meter.fetched,
      checksum: verified && formatChecksum(verified.checksum),
      checksumSource: verified?.source,
      elapsedMs: clock.monotonicMs() - startedMs,
      ...outcome,
    };
  } finally {
    first?.reader.close();
    // The file, or what there is of it, is as it should be.
    await output.release().catch((cause) => context.log("warn", `${cause.message}; remove it`));
  }
}

interface Outcome extends Pick<DownloadResult, "size" | "resumedBytes" | "lengthVerified"> {
  readonly verified: ExpectedChecksum | undefined;
}

async function fetchInto(
  output: Output,
  named: ProbeResult | undefined,
  context: SessionContext,
  stop: StopRequest,
): Promise<Outcome> {
  const finished = await output.findFinished((record) => isOfUrl(record, context.spec.url));
  if (finished !== undefined) {
    await verifyFinished(context, output, finished);
    await output.finishAnew();
    context.log("info", `"${output.path}" was finished by an earlier run`);
    return { size: finished, resumedBytes: finished, lengthVerified: true, verified: context.expected };
  }
  const interrupted = await findLeftovers(context, output);
  try {
    return await attempt(output, interrupted, named, context, stop);
  } catch (error) {
    if (stop.isDiscarded()) await output.discard().catch((cause) => context.log("warn", cause.message));
    if (!(error instanceof ChecksumMismatchError) || interrupted === undefined) throw error;
    context.log("warn", `${error.message}; what an earlier run left may be to blame, starting again`);
    return await attempt(output, undefined, undefined, context, stop);
  }
}

async function attempt(
  output: Output,
  interrupted: Interrupted | undefined,
  named: ProbeResult | undefined,
  given: SessionContext,
  stop: StopRequest,
): Promise<Outcome> {
  const begun = await start(given, output, interrupted, named, stop.signal);
  const expected = given.expected ?? (begun.first && expectedByServer(begun.first));
  const context = { ...given, expected };
  const resumedBytes = begun.pieces.doneBytes;
  const failed = new AbortController();
  const signal = AbortSignal.any([stop.signal, failed.signal]);
  const onFailure = (error: unknown) => failed.abort(error);
  const assembly = await Assembly.open(context, output, begun, onFailure).catch(async (error) => {
    begun.first?.reader.close();
    if (resumedBytes === 0) await output.discard().catch(() => {}); // the failure that counts is `error`
    throw error;
  });
  try {
    await transfer(context, begun, assembly, signal, onFailure);
    const size = await assembly.complete();
    await verify(context, output, assembly, size, signal);
    await assembly.close();
    await output.commit(begun.file, size, stop.signal);
    return { size, resumedBytes, lengthVerified: begun.remote.size !== undefined, verified: expected };
  } catch (error) {
    const isMismatch = error instanceof ChecksumMismatchError;
    // What is fetched anew is no evidence of anything that lasts.
    const isKept = isMismatch && interrupted === undefined && !stop.isDiscarded() &&
      !given.spec.discardMismatch;
    if (isKept) throw await keepMismatch(context, assembly, output, error);
    // What failed its checksum must not be taken for progress by a run that has none.
    await assembly.keepOrDiscard(stop.isDiscarded() || isMismatch).catch((cause) => {
      context.log("warn", `progress since the last checkpoint is lost: ${cause}`);
    });
    throw error;
  } finally {
    await assembly.close();
  }
}

/** Keeps what failed its checksum as evidence, and says where it is. */
async function keepMismatch(
  { log }: SessionContext,
  assembly: Assembly,
  output: Output,
  error: ChecksumMismatchError,
): Promise<ChecksumMismatchError> {
  const { expected, actual, path, url, source } = error;
  let keptPath: string | undefined;
  try {
    keptPath = await output.keepMismatch();
  } catch (cause) {
    log("warn", `${cause instanceof Error ? cause.message : cause}; what failed its checksum is removed`);
  }
  await assembly.keepOrDiscard(true).catch((cause) => log("warn", `${cause}`));
  return new ChecksumMismatchError(expected, actual, { path, url, source, keptPath });
}

/** Fetches what is missing, and saves progress on the way. */
async function transfer(
  context: SessionContext,
  { first, remote }: Start,
  assembly: Assembly,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  if (first === undefined) return;
  const { spec } = context;
  const { pieces, cache, pool } = assembly;
  const missing = pieces.missing();
  const missingBytes = pieces.size - pieces.doneBytes;
  const scheduler = new Scheduler({
    missing,
    minSegmentSize: spec.minSegmentSize,
    pieceSize: pieces.pieceSize,
  });
  const isSplit = remote.acceptsRanges && pieces.size >= spec.minSplitSize;
  const maxConnections = isSplit
    ? Math.min(assembly.connections, Math.max(1, Math.ceil(missingBytes / spec.minSegmentSize)))
    : 1;
  const connections = spec.isAdaptive ? Math.min(maxConnections, FIRST_CONNECTIONS) : maxConnections;
  const startOver = async () => {
    await assembly.startOver();
    scheduler.restart([{ start: 0, end: pieces.size }]);
  };
  const finished = new AbortController();
  const saving = assembly.saveRegularly(AbortSignal.any([signal, finished.signal]))
    .catch((error) => finished.signal.aborted || onFailure(error));
  const parts = { remote, pieces, scheduler, cache, pool, connections, maxConnections, startOver };
  try {
    const shared = new Transfer(context, parts);
    await shared.run(() => new HttpWorker(shared), first, signal);
  } finally {
    finished.abort(OVER);
    await saving;
  }
}

/** An earlier run may have had another checksum, or none. */
async function verifyFinished(
  context: SessionContext,
  output: Output,
  size: number,
): Promise<void> {
  const { runtime, expected } = context;
  if (expected === undefined) return;
  const file = await runtime.files.open(output.path, "read").catch((cause) => {
    throw storageError("open", output.path, cause);
  });
  const buffers = [new Uint8Array(VERIFY_BUFFER_BYTES), new Uint8Array(VERIFY_BUFFER_BYTES)] as const;
  const { algorithm } = expected.checksum;
  const hasher = new PrefixHasher({ algorithm, file, buffers, onFallback: () => {} });
  let hex: string;
  try {
    hex = await hasher.finish(size);
  } catch (cause) {
    throw storageError("read", output.path, cause);
  } finally {
    await hasher.close();
    await file.close().catch(() => {}); // it was only read
  }
  requireDigest(context, output, expected, hex);
}

function requireDigest(
  { spec }: SessionContext,
  { path }: Output,
  { checksum, source }: ExpectedChecksum,
  hex: string,
): void {
  if (hex === checksum.hex) return;
  const actual = formatChecksum({ algorithm: checksum.algorithm, hex });
  throw new ChecksumMismatchError(formatChecksum(checksum), actual, { path, url: spec.url, source });
}

async function verify(
  context: SessionContext,
  output: Output,
  assembly: Assembly,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const { expected } = context;
  if (expected === undefined) return;
  context.status.state = "verifying";
  requireDigest(context, output, expected, await assembly.digest(size, signal));
}
