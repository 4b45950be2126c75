import { formatChecksum } from "../options/checksum.ts";
import { ChecksumMismatchError } from "../errors.ts";
import type { ProbeResult } from "../http/probe.ts";
import { ContradictionError } from "../http/unusable_response.ts";
import { PrefixHasher } from "../integrity/prefix_hasher.ts";
import { storageError } from "../storage/storage_error.ts";
import { discard } from "../storage/discard.ts";
import { inspect } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import type { Sink } from "../sink/sink.ts";
import type { DownloadResult } from "../types.ts";
import { OVER } from "../lib/waiting.ts";
import { Assembly } from "./assembly.ts";
import type { SessionContext } from "./context.ts";
import type { KnownVersion } from "./sources/known_version.ts";
import { expectedByServer, type ExpectedChecksum } from "./sources/expected_checksum.ts";
import { locate } from "./locate.ts";
import { sayKept } from "./kept_progress.ts";
import { type PlainStart, type Start, start, startPlainly } from "./start.ts";
import { findLeftovers, type Interrupted, isOfUrl } from "./resume.ts";
import { countFailure } from "./sources/retry.ts";
import { progressOf } from "./transfer/progress.ts";
import { runTransfer } from "./transfer/transfer.ts";

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
  const { output, first, expected, right } = await locate(context, stop.signal);
  try {
    const { verified, ...outcome } = right === undefined
      ? await fetchInto(output, first, { ...context, expected }, stop)
      : { size: right.size, resumedBytes: right.size, lengthVerified: true, verified: expected };
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
  const found = await inspect(output, (file) => isOfUrl(file, context.spec.url));
  if (found.kind === "finished") {
    await verifyFinished(context, output, found.size);
    await found.commit();
    context.log("info", `"${output.path}" was finished by an earlier run`);
    return { size: found.size, resumedBytes: found.size, lengthVerified: true, verified: context.expected };
  }
  const interrupted = await findLeftovers(context, output, found);
  const notes: AttemptNotes = { version: undefined };
  try {
    return await attempt(output, { interrupted, named, plainly: undefined }, context, stop, notes);
  } catch (error) {
    if (stop.isDiscarded()) await discard(output).catch((cause) => context.log("warn", cause.message));
    const anew = howToStartAgain(error, interrupted, notes.version);
    if (anew === undefined) {
      const isKept = interrupted !== undefined || context.status.meter.downloaded > 0;
      throw isKept ? sayKept(error) : error;
    }
    context.log("warn", anew.reason);
    const beginning = { interrupted: undefined, named: undefined, plainly: anew.plainly };
    return await attempt(output, beginning, context, stop, notes);
  }
}

/** What an attempt begins with. */
interface Beginning {
  readonly interrupted: Interrupted | undefined;
  readonly named: ProbeResult | undefined;
  /** How to fetch all of it with one request, if so. */
  readonly plainly: PlainStart | undefined;
}

/** What is known of an attempt when it has failed. */
interface AttemptNotes {
  version: KnownVersion | undefined;
}

/** Once, a download starts again where that may help, and where nothing but what is in doubt is lost. */
function howToStartAgain(
  error: unknown,
  interrupted: Interrupted | undefined,
  version: KnownVersion | undefined,
): { readonly reason: string; readonly plainly: PlainStart | undefined } | undefined {
  if (error instanceof ContradictionError && version !== undefined) {
    return {
      reason: `${error.message}; starting again with one request`,
      plainly: { like: version.validator },
    };
  }
  if (!(error instanceof ChecksumMismatchError)) return undefined;
  if (version?.isMixed) {
    const reason = `${error.message}; ${version.mixture}; starting again from one source`;
    return { reason, plainly: { like: undefined } };
  }
  if (interrupted === undefined) return undefined;
  const reason = `${error.message}; what an earlier run left may be to blame, starting again`;
  return { reason, plainly: undefined };
}

async function attempt(
  output: Output,
  { interrupted, named, plainly }: Beginning,
  given: SessionContext,
  stop: StopRequest,
  notes: AttemptNotes,
): Promise<Outcome> {
  const begun = plainly === undefined
    ? await start(given, output, interrupted, named, stop.signal)
    : await startPlainly(given, output, plainly, stop.signal);
  notes.version = begun.version;
  const expected = given.expected ?? (begun.first && expectedByServer(begun.first, given.spec));
  const context = { ...given, expected };
  const resumedBytes = begun.pieces.doneBytes;
  const failed = new AbortController();
  const signal = AbortSignal.any([stop.signal, failed.signal, begun.sink.failed]);
  const onFailure = (error: unknown) => failed.abort(error);
  const assembly = await Assembly.open(context, begun).catch(async (error) => {
    begun.first?.reader.close();
    if (resumedBytes === 0) await begun.sink.discard().catch(() => {}); // the failure that counts is `error`
    throw error;
  });
  try {
    await transfer(context, begun, assembly, signal, onFailure);
    const size = await assembly.complete();
    await verify(context, output, assembly, size, signal);
    await assembly.close();
    await begun.sink.commit(size, stop.signal);
    return { size, resumedBytes, lengthVerified: begun.remote.size !== undefined, verified: expected };
  } catch (error) {
    const isMismatch = error instanceof ChecksumMismatchError;
    // What is fetched anew is no evidence of anything that lasts.
    const isKept = isMismatch && interrupted === undefined && !begun.version.isMixed && !stop.isDiscarded() &&
      !given.spec.discardMismatch;
    if (isKept) throw await keepMismatch(context, assembly, begun.sink, error);
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
  sink: Sink,
  error: ChecksumMismatchError,
): Promise<ChecksumMismatchError> {
  const { expected, actual } = error;
  let keptPath: string | undefined;
  try {
    keptPath = await sink.keepMismatch();
  } catch (cause) {
    log("warn", `${cause instanceof Error ? cause.message : cause}; what failed its checksum is removed`);
  }
  await assembly.keepOrDiscard(true).catch((cause) => log("warn", `${cause}`));
  return new ChecksumMismatchError(expected, actual, { ...error, keptPath });
}

/** Fetches what is missing, and saves progress on the way. */
async function transfer(
  context: SessionContext,
  { first, remote, version }: Start,
  assembly: Assembly,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  if (first === undefined) return;
  const { spec, runtime: { clock }, log, limit, source, status } = context;
  const { pieces, cache, pool, connections: maxConnections } = assembly;
  const finished = new AbortController();
  const saving = assembly.saveRegularly(AbortSignal.any([signal, finished.signal]))
    .catch((error) => finished.signal.aborted || onFailure(error));
  try {
    await runTransfer(
      {
        ...{ clock, log, spec, source, limit, version, pieces, cache, pool, maxConnections },
        acceptsRanges: remote.acceptsRanges,
        progress: progressOf(status),
        countFailure: (error, budget, leastMs) => countFailure(context, error, budget, leastMs),
        startOver: () => assembly.startOver(),
      },
      first,
      signal,
    );
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
  { checksum, source, host }: ExpectedChecksum,
  hex: string,
): void {
  if (hex === checksum.hex) return;
  const actual = formatChecksum({ algorithm: checksum.algorithm, hex });
  throw new ChecksumMismatchError(formatChecksum(checksum), actual, {
    ...{ path, url: spec.url, source },
    ...(host === undefined ? {} : { host }),
  });
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
