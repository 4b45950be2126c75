import type { SegmentReader } from "../../http/segment_reader.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import type { Block, BlockPool } from "../../lib/block.ts";
import type { Lease, Scheduler } from "../../plan/scheduler.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { CacheLane, WriteBackCache } from "../../sink/write_back_cache.ts";
import type { Logger } from "../../types.ts";
import { endedEarly } from "../sources/retry.ts";
import type { ActiveLease } from "./active_lease.ts";
import type { LeaseDesk } from "./lease_desk.ts";
import type { TransferProgress } from "../progress.ts";

/** What a {@linkcode Receiver} works with. */
export interface ReceiverOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly desk: LeaseDesk;
  readonly scheduler: Scheduler;
  readonly cache: WriteBackCache;
  readonly pool: BlockPool;
  readonly progress: TransferProgress;
  /** The least size of the file in bytes, for responses without a size. */
  readonly leastSize: number;
  /** Called with the offset up to which bytes have arrived. */
  readonly onReceived: (position: number) => void;
  readonly signal: AbortSignal;
}

/** A response body from which leases are delivered. */
export interface Body {
  readonly reader: SegmentReader;
  /** The offset at which the body ends; `Infinity` where the response does not say it. */
  readonly end: number;
  /** The offset at which the requested range ends, `undefined` for the complete file. */
  readonly requestedEnd: number | undefined;
}

/** Moves the bodies of one connection into the cache. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #lane: CacheLane;
  #bytesPerSecond = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#lane = options.cache.openLane();
  }

  /** The rate of the latest lease, 0 before the first one. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Writes the buffered bytes. */
  close(): void {
    this.#options.cache.closeLane(this.#lane);
  }

  /** Delivers a lease and reads the end of its body, so that the connection can serve another request. */
  async receiveAll(active: ActiveLease, body: Body): Promise<void> {
    try {
      await this.receive(active, body);
      if (!await body.reader.finish()) {
        this.#options.log("debug", "a body did not end where it should; its connection was closed");
      }
    } catch (error) {
      body.reader.close();
      throw error;
    }
  }

  /** Delivers a lease from a body that may continue after the lease. */
  async receive(active: ActiveLease, body: Body): Promise<void> {
    const { clock, desk, progress } = this.#options;
    const { lease } = active;
    const { start } = lease;
    const startedMs = clock.monotonicMs();
    desk.noteRequest(body.reader.waitedMs);
    using _connected = progress.connected();
    try {
      await this.#pump(active, body);
    } finally {
      this.#measure(lease.position - start, clock.monotonicMs() - startedMs);
    }
  }

  /** The hot path: from the network into a block, from the block into the cache. Nothing is allocated for a chunk. */
  async #pump(active: ActiveLease, body: Body): Promise<void> {
    const { lease } = active;
    const { reader, end } = body;
    const { pool, scheduler, progress, signal, onReceived } = this.#options;
    let block: Block | undefined;
    try {
      while (lease.active && lease.position < Math.min(end, lease.end)) {
        block ??= await pool.take(signal);
        const { position } = lease;
        const wanted = Math.min(end, lease.end) - position;
        const length = await reader.read(block, Math.min(pool.blockSize, wanted));
        if (length === 0) return this.#endOfBody(lease, body);
        const accepted = scheduler.deliver(lease, length);
        active.noteBytes();
        progress.received(accepted);
        onReceived(lease.position);
        block = this.#lane.store(block, accepted, position);
      }
      // Only a later response said how long the file is.
      if (lease.end === Infinity && lease.position === end) scheduler.endOfData(lease);
    } finally {
      if (block !== undefined) pool.release(block);
    }
  }

  #endOfBody(lease: Lease, { end: endOfBody, requestedEnd }: Body): void {
    const { leastSize, scheduler } = this.#options;
    const end = Math.min(endOfBody, lease.end);
    const knownEnd = end === Infinity && lease.position < leastSize ? leastSize : end;
    if (knownEnd !== Infinity) throw endedEarly(lease.position, knownEnd);
    // A body of unknown length that ends where the range ends may be only a part of the file.
    if (lease.position === requestedEnd) throw new UnusableResponseError("it may be a part of the file");
    scheduler.endOfData(lease);
  }

  #measure(bytes: number, elapsedMs: number): void {
    if (bytes > 0 && elapsedMs > 0) this.#bytesPerSecond = bytes / elapsedMs * 1000;
  }
}
