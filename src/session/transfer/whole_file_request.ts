import type { SegmentReader } from "../../http/segment_reader.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import type { BlockPool } from "../../lib/block.ts";
import type { PieceMap } from "../../plan/piece_map.ts";
import type { Lease, Scheduler } from "../../plan/scheduler.ts";
import type { WriteBackCache } from "../../sink/write_back_cache.ts";
import type { ByteRange } from "../../types.ts";
import { endedEarly } from "../sources/retry.ts";
import type { Source } from "../sources/source.ts";
import { KnownBytes } from "./known_bytes.ts";
import type { LeaseDesk } from "./lease_desk.ts";
import type { TransferProgress } from "../progress.ts";
import type { Receiver } from "./receiver.ts";
import type { VersionCheck } from "./version_check.ts";

/** What a {@linkcode WholeFileRequest} works with. */
export interface WholeFileRequestOptions {
  readonly source: Pick<Source, "open">;
  readonly check: VersionCheck;
  readonly desk: LeaseDesk;
  readonly scheduler: Scheduler;
  readonly receiver: Receiver;
  readonly pieces: PieceMap;
  readonly cache: WriteBackCache;
  readonly pool: BlockPool;
  readonly progress: TransferProgress;
  /** Drops everything that was fetched, so that the file is fetched from its first byte on. */
  readonly startOver: () => Promise<void>;
  /** Waits until it is known which bytes are on disk. */
  readonly untilProven: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Fetches the complete file with one request, for a server that sends no ranges. */
export class WholeFileRequest {
  readonly #options: WholeFileRequestOptions;

  constructor(options: WholeFileRequestOptions) {
    this.#options = options;
  }

  /** Delivers the missing bytes. These are all bytes, unless the response is proved to be of the version on disk. */
  async fetch(first: Lease): Promise<void> {
    const { source, check, scheduler, startOver, untilProven, cache, signal } = this.#options;
    let reader: SegmentReader;
    let size: number | undefined;
    try {
      await untilProven();
      reader = await source.open({ range: undefined, ifRange: undefined, signal });
      size = check.checkWhole(reader);
    } finally {
      scheduler.giveBack(first);
    }
    try {
      if (check.isProved(reader)) await cache.flush();
      else await startOver();
      await this.#deliverMissing(reader, size ?? Infinity);
      if (!await reader.finish() && size === undefined) check.refuseMore(reader);
    } finally {
      reader.close();
    }
  }

  async #deliverMissing(reader: SegmentReader, end: number): Promise<void> {
    const { desk, scheduler, receiver, pieces, startOver } = this.#options;
    const known = new KnownBytes(pieces.known());
    let position = 0;
    for (let next = scheduler.lease(0, 1); next !== undefined; next = scheduler.lease(0, 1)) {
      const lease: Lease = next;
      let isSame = true;
      await desk.whileTracked(lease, async (active) => {
        isSame = await this.#skip(reader, known, { start: position, end: lease.start });
        if (isSame) {
          const body = { reader, end: Math.min(end, lease.end), requestedEnd: undefined };
          await receiver.receive(active, body);
        }
        position = lease.position;
      });
      if (isSame) continue;
      await startOver();
      throw new UnusableResponseError(
        "its bytes differ from those on disk, so the file has changed",
        { retryable: true },
      );
    }
  }

  /** Reads bytes that are on disk already. Returns whether they are the same. */
  async #skip(
    reader: SegmentReader,
    known: KnownBytes,
    { start, end }: ByteRange,
  ): Promise<boolean> {
    const { pool, progress, signal } = this.#options;
    if (start === end) return true;
    const block = await pool.take(signal);
    try {
      for (let position = start; position < end;) {
        const length = await reader.read(block, Math.min(pool.blockSize, end - position));
        if (length === 0) throw endedEarly(position, end);
        progress.skipped(length);
        if (!known.agreeWith(block.bytes.subarray(0, length), position)) return false;
        position += length;
      }
      return true;
    } finally {
      pool.release(block);
    }
  }
}
