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
import { BackgroundProof, type OpenClaims } from "./background_proof.ts";
import { LeaseDesk } from "./lease_desk.ts";
import type { TransferProgress } from "../progress.ts";
import type { CountFailure } from "./recovery.ts";
import { ServerLoad } from "./server_load.ts";
import { VersionCheck } from "./version_check.ts";
import { LeaseWorker } from "./worker.ts";
import { WorkerPool } from "./worker_pool.ts";

/** How many connections a download with `"auto"` starts with. */
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
  /** Claims that are checked meanwhile; `undefined` where `pieces` has everything that is on disk. */
  readonly claims: OpenClaims | undefined;
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
 * Fetches the missing bytes over several connections. `first` is the first response; its body is used. Rejects with
 * the failure of the transfer, or with the reason of `signal`.
 */
export async function runTransfer(
  options: TransferOptions,
  first: ProbeResult,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, spec, source, limit, version, pieces, claims, cache, pool, progress } = options;
  const stop = new AbortController();
  using _ = onAbort(signal, () => stop.abort(signal.reason));
  if (signal.aborted) first.reader.close();
  const { minSegmentSize } = spec;
  const scheduler = new Scheduler({
    missing: claims?.missing ?? pieces.missing(),
    ...{ minSegmentSize, pieceSize: pieces.pieceSize, isOpen: claims !== undefined },
  });
  const desk = new LeaseDesk({ clock, log, scheduler, minSegmentSize, signal: stop.signal });
  const proof = claims && new BackgroundProof({ claims, scheduler, desk, progress, stop });
  const maxConnections = connectionsFor(options);
  const load = new ServerLoad({
    ...{ clock, log, source, progress, maxConnections },
    acceptsRanges: options.acceptsRanges,
    maxSegmentSize: spec.maxSegmentSize,
    maxQuietMs: spec.retryMaxDelayMs,
  });
  const work = {
    ...{ clock, log, source, load, scheduler, desk, pieces, cache, pool, progress, minSegmentSize },
    signal: stop.signal,
    check: new VersionCheck({ clock, version, file: spec }),
    retryPolicy: spec,
    countFailure: options.countFailure,
    leastSize: first.leastSize ?? 0,
    untilProven: async () => await proof?.ended,
    startOver: async () => {
      await proof?.stop();
      await options.startOver();
      scheduler.restart([{ start: 0, end: pieces.size }]);
    },
  };
  const workers = new WorkerPool({
    ...{ clock, log, load, progress, limit, stop },
    connections: spec.isAdaptive ? Math.min(maxConnections, FIRST_CONNECTIONS) : maxConnections,
    hasWork: () => scheduler.hasPending,
    runWorker: (kind) =>
      new LeaseWorker({ ...work, isReturning: kind === "returning" }).run(
        kind === "first" ? first : undefined,
      ),
  });
  try {
    await workers.run();
  } finally {
    await proof?.stop();
  }
}

/** How many connections are useful for the missing bytes. */
function connectionsFor({ spec, acceptsRanges, pieces, maxConnections }: TransferOptions): number {
  if (!acceptsRanges || pieces.size < spec.minSplitSize) return 1;
  const missingBytes = pieces.size - pieces.doneBytes;
  return Math.min(maxConnections, Math.max(1, Math.ceil(missingBytes / spec.minSegmentSize)));
}
