import type { RetryPolicy } from "../../flow/backoff.ts";
import type { ProbeResult } from "../../http/probe.ts";
import type { BlockPool } from "../../lib/block.ts";
import { onAbort } from "../../lib/on_abort.ts";
import type { PieceMap } from "../../plan/piece_map.ts";
import { Scheduler } from "../../plan/scheduler.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { WriteBackCache } from "../../sink/write_back_cache.ts";
import type { Logger } from "../../types.ts";
import type { KnownVersion } from "../sources/known_version.ts";
import type { Source } from "../sources/source.ts";
import { LeaseDesk } from "./lease_desk.ts";
import type { TransferProgress } from "../progress.ts";
import { Receiver } from "./receiver.ts";
import { type CountFailure, Recovery } from "./recovery.ts";
import { ServerLoad } from "./server_load.ts";
import { VersionCheck } from "./version_check.ts";
import { WholeFileRequest } from "./whole_file_request.ts";
import { LeaseWorker } from "./worker.ts";
import { WorkerPool } from "./worker_pool.ts";

/** How many connections a download starts with that finds out how many are best. */
const FIRST_CONNECTIONS = 4;

/** The options of a download that a transfer follows. */
export type TransferSpec =
  & RetryPolicy
  & Pick<
    ResolvedSpec,
    "url" | "contentEncoding" | "isAdaptive" | "minSplitSize" | "minSegmentSize" | "maxSegmentSize"
  >;

/** What a transfer works with. */
export interface TransferOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly spec: TransferSpec;
  readonly source: Source;
  /** Whether a speed limit is set. */
  readonly limit: { readonly isSet: boolean };
  readonly version: KnownVersion;
  /** Whether the server sends ranges, as far as is known. */
  readonly acceptsRanges: boolean;
  readonly pieces: PieceMap;
  readonly cache: WriteBackCache;
  readonly pool: BlockPool;
  /** How many connections there may be at most. */
  readonly maxConnections: number;
  readonly progress: TransferProgress;
  readonly countFailure: CountFailure;
  /** Drops everything that was fetched. */
  readonly startOver: () => Promise<void>;
}

/**
 * Fetches what is missing over several connections. `first` is the first response, whose body is used. Rejects with the
 * failure of the transfer, or with the reason of `signal`.
 */
export async function runTransfer(
  options: TransferOptions,
  first: ProbeResult,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  using _ = onAbort(signal, () => stop.abort(signal.reason));
  const { clock, log, spec, source, limit, version, acceptsRanges, pieces, cache, pool, progress } = options;
  const { minSegmentSize, maxSegmentSize, retryMaxDelayMs: maxQuietMs } = spec;
  const shared = { clock, log, source, cache, pool, progress, signal: stop.signal };
  const { pieceSize } = pieces;
  const scheduler = new Scheduler({ missing: pieces.missing(), minSegmentSize, pieceSize });
  const startOver = async () => {
    await options.startOver();
    scheduler.restart([{ start: 0, end: pieces.size }]);
  };
  const maxConnections = connectionsFor(options);
  const connections = spec.isAdaptive ? Math.min(maxConnections, FIRST_CONNECTIONS) : maxConnections;
  const load = new ServerLoad({ ...shared, maxConnections, maxSegmentSize, maxQuietMs, acceptsRanges });
  const desk = new LeaseDesk({ ...shared, scheduler, minSegmentSize });
  const check = new VersionCheck({ clock, version, file: spec });
  const createWorker = (isReturning: boolean) => {
    const { countFailure } = options;
    const { done } = desk;
    const ownRecovery = { load, check, retryPolicy: spec, countFailure, minSegmentSize, isReturning, done };
    const recovery = new Recovery({ ...shared, ...ownRecovery });
    const onReceived = (position: number) => recovery.noteReceived(position);
    const { leastSize = 0 } = first;
    const receiver = new Receiver({ ...shared, desk, scheduler, leastSize, onReceived });
    const wholeFile = new WholeFileRequest({
      ...shared,
      check,
      desk,
      scheduler,
      receiver,
      pieces,
      startOver,
    });
    const { size } = version;
    return new LeaseWorker({ ...shared, load, desk, scheduler, check, receiver, recovery, wholeFile, size });
  };
  const hasWork = () => scheduler.hasPending;
  await new WorkerPool({ ...shared, load, limit, connections, hasWork, createWorker, stop }).run(first);
}

/** How many connections are worth it for what is missing. */
function connectionsFor({ spec, acceptsRanges, pieces, maxConnections }: TransferOptions): number {
  if (!acceptsRanges || pieces.size < spec.minSplitSize) return 1;
  const missingBytes = pieces.size - pieces.doneBytes;
  return Math.min(maxConnections, Math.max(1, Math.ceil(missingBytes / spec.minSegmentSize)));
}
