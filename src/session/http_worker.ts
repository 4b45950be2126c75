import type { Block } from "../block.ts";
import { DownloadError, HttpStatusError, RemoteChangedError } from "../errors.ts";
import { RetryBudget } from "../flow/backoff.ts";
import type { ProbeResult } from "../http/probe.ts";
import { checkResponse } from "../http/response_check.ts";
import type { SegmentReader } from "../http/segment_reader.ts";
import type { Lease } from "../plan/scheduler.ts";
import type { CacheLane } from "../storage/write_back_cache.ts";
import { delayBeforeRetry } from "./retry.ts";
import type { Flight } from "./flight.ts";
import type { Transfer } from "./transfer.ts";

/** Once, a request may be lost on the way. */
const REFUSALS = 2;

function isOverload(error: unknown): error is HttpStatusError {
  return error instanceof HttpStatusError && (error.status === 429 || error.status === 503);
}

/** Whether it is the connection that failed, not what came over it. */
function isLost(error: unknown): boolean {
  return error instanceof DownloadError && error.retryable &&
    (error.code === "connect" || error.code === "network" || error.code === "timeout");
}

/** One connection: takes a lease, fetches it, takes the next one. */
export class HttpWorker {
  readonly #transfer: Transfer;
  readonly #lane: CacheLane;
  readonly #retries: RetryBudget;
  #bytesPerSecond = 0;
  /** How many requests in a row brought nothing, with others served in between. */
  #refusals = 0;
  /** What had been fetched in all when one was last counted. */
  #fetchedAtRefusal = 0;
  /** The highest offset that arrived; only beyond it is progress where every try starts at byte 0. */
  #furthest = 0;

  constructor(transfer: Transfer) {
    const { spec, runtime } = transfer.context;
    this.#transfer = transfer;
    this.#lane = transfer.parts.cache.openLane();
    this.#retries = new RetryBudget(spec, runtime.clock);
  }

  /** Returns when nothing is left to fetch, or when others can do it better. */
  async run(first: ProbeResult | undefined): Promise<void> {
    try {
      if (first !== undefined && !await this.#try(() => this.#takeOver(first))) return;
      for (;;) {
        await this.#transfer.waitForServer();
        const lease = await this.#transfer.nextLease(this.#bytesPerSecond);
        if (lease === undefined) return;
        if (!await this.#try(() => this.#fetch(lease))) return;
      }
    } finally {
      this.#transfer.parts.cache.closeLane(this.#lane);
    }
  }

  /** Returns whether to go on: `false` when this connection is one too many. */
  async #try(attempt: () => Promise<void>): Promise<boolean> {
    const { signal } = this.#transfer;
    try {
      await attempt();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#transfer.parts.remote.acceptsRanges) await this.#transfer.parts.startOver();
      if (isOverload(error)) this.#transfer.easeOff(error);
      else if (this.#refusals >= REFUSALS && isLost(error)) this.#transfer.settleForLess();
      if (this.#transfer.tryRetire(false)) return false;
      const delayMs = this.#delayOrRetire(error);
      if (delayMs === undefined) return false;
      await this.#transfer.backOff(delayMs);
      return true;
    }
  }

  #delayOrRetire(error: unknown): number | undefined {
    try {
      return delayBeforeRetry(this.#transfer.context, error, this.#retries);
    } catch (final) {
      const isTransient = final instanceof DownloadError && final.retryable;
      if (isTransient && this.#transfer.tryRetire(true)) return undefined;
      throw final;
    }
  }

  /** The body of the first response is the first lease. */
  async #takeOver({ verdict, reader, remote }: ProbeResult): Promise<void> {
    const end = verdict.kind === "part" ? verdict.range.end : remote.size ?? Infinity;
    const start = verdict.kind === "part" ? verdict.range.start : 0;
    const lease = verdict.kind === "empty"
      ? undefined
      : this.#transfer.parts.scheduler.leaseCovered({ start, end });
    if (lease === undefined) return reader.close();
    const flight = this.#transfer.launch(lease);
    // It was asked for before there was a transfer, and knows nothing of the others' failures.
    const stop = () => reader.close();
    flight.signal.addEventListener("abort", stop, { once: true });
    await this.#fly(flight, () => this.#receive(flight, reader, end));
  }

  async #fetch(lease: Lease): Promise<void> {
    const { context, parts } = this.#transfer;
    const flight = this.#transfer.launch(lease);
    const { signal } = flight;
    await this.#fly(flight, async () => {
      const range = parts.remote.acceptsRanges ? { start: lease.start, end: lease.end } : undefined;
      const reader = await context.source.open({ range, ifRange: undefined, signal });
      await this.#receive(flight, reader, this.#check(reader, lease));
    }).finally(() => this.#countRefusal(lease));
  }

  #countRefusal({ start, position }: Lease): void {
    const { fetched } = this.#transfer.context.status.meter;
    if (position > start) this.#refusals = 0;
    else if (fetched > this.#fetchedAtRefusal) {
      this.#refusals++;
      this.#fetchedAtRefusal = fetched;
    }
  }

  async #fly(flight: Flight, deliver: () => Promise<void>): Promise<void> {
    try {
      await deliver();
    } catch (error) {
      // Another connection has what was left of it.
      if (flight.lease.active || this.#transfer.signal.aborted) throw error;
    } finally {
      this.#transfer.land(flight);
    }
  }

  /** Returns where the body of a response ends. */
  #check(reader: SegmentReader, lease: Lease): number {
    const { context, parts } = this.#transfer;
    const { size, validator, acceptsRanges } = parts.remote;
    try {
      const verdict = checkResponse(reader, {
        range: acceptsRanges ? lease : undefined,
        version: { size, validator },
        wallMs: context.runtime.clock.wallMs(),
        file: context.spec,
      });
      if (verdict.kind === "part") return verdict.range.end;
      const isSameVersion = verdict.kind === "whole" && verdict.isSameVersion;
      if (!isSameVersion) throw new RemoteChangedError("Cannot go on: the file on the server changed");
      if (!acceptsRanges) return lease.end;
      throw new DownloadError(
        "bad_response",
        "Cannot use the response: it is not the part that was asked for",
        {
          retryable: true,
        },
      );
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  async #receive(flight: Flight, reader: SegmentReader, end: number): Promise<void> {
    const { lease } = flight;
    const { clock } = this.#transfer.context.runtime;
    const { status } = this.#transfer.context;
    const { start } = lease;
    const startedMs = clock.monotonicMs();
    this.#transfer.noteRequest(reader.waitedMs);
    status.connections++;
    try {
      await this.#pump(flight, reader, end);
      if (!await reader.finish()) {
        this.#transfer.context.log("debug", "a body did not end where it should; its connection was closed");
      }
    } catch (error) {
      reader.close();
      throw error;
    } finally {
      status.connections--;
      this.#measure(lease.position - start, clock.monotonicMs() - startedMs);
    }
  }

  /** The hot path: from the network into a block, from the block into the cache. */
  async #pump(flight: Flight, reader: SegmentReader, end: number): Promise<void> {
    const { lease } = flight;
    const { parts: { pool, scheduler }, context: { status }, signal } = this.#transfer;
    let block: Block | undefined;
    try {
      while (lease.active && lease.position < Math.min(end, lease.end)) {
        block ??= await pool.take(signal);
        const { position } = lease;
        const wanted = Math.min(end, lease.end) - position;
        const length = await reader.read(block, Math.min(pool.blockSize, wanted));
        if (length === 0) return this.#endOfBody(lease, Math.min(end, lease.end));
        const accepted = scheduler.deliver(lease, length);
        flight.note();
        status.meter.add(accepted);
        this.#noteProgress(lease.position);
        block = this.#lane.store(block, accepted, position);
      }
    } finally {
      if (block !== undefined) pool.release(block);
    }
  }

  #endOfBody(lease: Lease, end: number): void {
    if (end === Infinity) return this.#transfer.parts.scheduler.endOfData(lease);
    throw new DownloadError(
      "network",
      `Cannot fetch the file: a response ended at byte ${lease.position}, before byte ${end}`,
      { retryable: true },
    );
  }

  #noteProgress(position: number): void {
    if (!this.#transfer.parts.remote.acceptsRanges && position <= this.#furthest) return;
    this.#furthest = position;
    this.#retries.progress();
  }

  #measure(bytes: number, elapsedMs: number): void {
    if (bytes > 0 && elapsedMs > 0) this.#bytesPerSecond = bytes / elapsedMs * 1000;
  }
}
