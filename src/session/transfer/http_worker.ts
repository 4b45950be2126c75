import type { Block } from "../../lib/block.ts";
import { DownloadError } from "../../errors.ts";
import { RetryBudget } from "../../flow/backoff.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { checkResponse, type Verdict } from "../../http/response_check.ts";
import type { SegmentReader } from "../../http/segment_reader.ts";
import { ContradictionError, UnusableResponseError } from "../../http/unusable_response.ts";
import { namesVersion, proveSame, validatorOf } from "../../http/validator.ts";
import type { Lease } from "../../plan/scheduler.ts";
import type { CacheLane } from "../../sink/write_back_cache.ts";
import type { ByteRange } from "../../types.ts";
import { type AfterFailure, afterFailure, type FinalStep, isOverload } from "./after_failure.ts";
import { countFailure, endedEarly } from "../sources/retry.ts";
import type { Flight } from "./flight.ts";
import { KnownBytes } from "./known_bytes.ts";
import type { Transfer } from "./transfer.ts";

/** One connection: takes a lease, fetches it, takes the next one. */
export class HttpWorker {
  readonly #transfer: Transfer;
  readonly #lane: CacheLane;
  readonly #retries: RetryBudget;
  #isReturning: boolean;
  #bytesPerSecond = 0;
  /** How many requests in a row brought nothing, with others served in between. */
  #refusals = 0;
  /** What had been fetched in all when one was last counted. */
  #fetchedAtRefusal = 0;
  /** The highest offset that arrived; only beyond it is progress where every try starts at byte 0. */
  #furthest = 0;
  /** What the latest request asked for, `undefined` for the whole file. */
  #asked: ByteRange | undefined;

  /** `isReturning`: others are served, and whether one more is remains to be seen. */
  constructor(transfer: Transfer, isReturning: boolean) {
    const { spec, runtime } = transfer.context;
    this.#isReturning = isReturning;
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
    try {
      await attempt();
      return true;
    } catch (error) {
      this.#transfer.signal.throwIfAborted();
      return await this.#recover(error);
    }
  }

  async #recover(error: unknown): Promise<boolean> {
    const transfer = this.#transfer;
    if (isOverload(error)) {
      if (this.#isReturning && transfer.hasOthers) {
        transfer.noteReturnRefused(error);
        return this.#retire(error, true);
      }
      transfer.easeOff(error);
    }
    if (transfer.hasOthers && transfer.hasTooMany) return this.#retire(error, true);
    const next = this.#decide(error);
    if (next.kind !== "retry") return this.#obey(next, error);
    const isSpent = !(error instanceof DownloadError) || this.#retries.failures >= next.most;
    const delayMs = isSpent ? undefined : countFailure(transfer.context, error, this.#retries, next.afterMs);
    if (delayMs === undefined) return this.#obey(next.whenSpent, error);
    if (next.afterMs > 0) transfer.context.source.closeIdle();
    await transfer.backOff(delayMs);
    return true;
  }

  #obey(next: FinalStep, error: unknown): boolean {
    switch (next.kind) {
      case "ask for less":
        this.#transfer.askForLess(next.bytes);
        return true;
      case "ask plainly":
        this.#transfer.askPlainly();
        this.#transfer.context.log("info", `${messageOf(error)}; asking for the whole file`);
        return true;
      case "retire":
        return this.#retire(error, next.mayReturn);
      case "fail":
        throw error;
    }
  }

  #decide(error: unknown): AfterFailure {
    const { hasOthers, wereOthersRefused, servedBytes, hasGoneOn, context: { spec } } = this.#transfer;
    return afterFailure(error, {
      isExtra: hasOthers,
      wereOthersRefused,
      refusals: this.#refusals,
      askedBytes: this.#asked && this.#bytesOf(this.#asked),
      servedBytes,
      // What begins at byte 0 says nothing of the rest.
      hasGoneOn: hasGoneOn || this.#asked?.start === 0,
      leastBytes: spec.minSegmentSize,
    });
  }

  #retire(error: unknown, mayReturn: boolean): false {
    this.#transfer.retire(mayReturn);
    this.#transfer.context.log("info", `${messageOf(error)}; the other connections do the rest`);
    return false;
  }

  #bytesOf({ start, end }: ByteRange): number {
    return Math.min(end, this.#transfer.parts.version.size ?? Infinity) - start;
  }

  /** The body of the first response is the first lease. */
  async #takeOver({ verdict, reader, remote, asked }: ProbeResult): Promise<void> {
    const end = verdict.kind === "part" ? verdict.range.end : remote.size ?? Infinity;
    const start = verdict.kind === "part" ? verdict.range.start : 0;
    this.#asked = asked;
    if (verdict.kind === "part") this.#noteServed();
    if (start > 0) this.#transfer.noteGoneOn();
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
    if (!this.#transfer.usesRanges) return await this.#fetchFromWhole(lease);
    const { context, parts } = this.#transfer;
    const flight = this.#transfer.launch(lease);
    const { signal } = flight;
    // Asked for without an end, the last part shows whether the file ends where it is said to.
    const range = { start: lease.start, end: lease.end === parts.version.size ? Infinity : lease.end };
    this.#asked = range;
    await this.#fly(flight, async () => {
      const reader = await context.source.open({ range, ifRange: undefined, signal });
      const end = this.#checkPart(reader, range);
      this.#noteServed();
      await this.#receive(flight, reader, end);
    }).finally(() => this.#countRefusal(lease));
  }

  /** Fetches the whole file once more, and delivers what is missing of it: all, unless it is proved to be the same. */
  async #fetchFromWhole(first: Lease): Promise<void> {
    const { context: { source }, parts: { scheduler, startOver, cache, pieces }, signal } = this.#transfer;
    this.#asked = undefined;
    let reader: SegmentReader;
    let told: number | undefined;
    try {
      reader = await source.open({ range: undefined, ifRange: undefined, signal });
      told = this.#checkWhole(reader);
    } finally {
      scheduler.giveBack(first);
    }
    try {
      if (this.#isProved(reader)) await cache.flush();
      else await startOver();
      const known = new KnownBytes(pieces.known());
      let position = 0;
      for (let lease = scheduler.lease(0, 1); lease !== undefined; lease = scheduler.lease(0, 1)) {
        const current: Lease = lease;
        const flight = this.#transfer.launch(current);
        let isSame = true;
        await this.#fly(flight, async () => {
          isSame = await this.#skip(reader, known, position, current.start);
          if (isSame) await this.#receiveSome(flight, reader, Math.min(told ?? Infinity, current.end));
          position = current.position;
        });
        if (isSame) continue;
        await startOver();
        throw new UnusableResponseError(
          "its bytes are others than those that are there, so that the file has changed",
          { retryable: true },
        );
      }
      if (!await reader.finish() && told === undefined) this.#refuseMore(reader);
    } finally {
      reader.close();
    }
  }

  #noteServed(): void {
    if (this.#asked !== undefined) this.#transfer.noteServed(this.#bytesOf(this.#asked));
  }

  #countRefusal({ start, position }: Lease): void {
    const { fetched } = this.#transfer.context.status.meter;
    if (position > start) {
      this.#refusals = 0;
      if (start > 0) this.#transfer.noteGoneOn();
    } else if (fetched > this.#fetchedAtRefusal) {
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

  /** Returns where the body of a part ends. */
  #checkPart(reader: SegmentReader, range: ByteRange): number {
    return this.#check(reader, range, (verdict) => {
      if (verdict.kind === "part") return verdict.range.end;
      const isSameVersion = verdict.kind === "whole" && verdict.isSameVersion;
      const what = isSameVersion ? "it is the whole file" : "it is something else";
      const reason = `${what} and not the part that was asked for`;
      throw new UnusableResponseError(reason, { retryable: isSameVersion });
    });
  }

  /** A body that told no length must not go on behind what is known to be the end. */
  #refuseMore(reader: SegmentReader): void {
    const { size } = this.#transfer.parts.version;
    if (size === undefined) return;
    if (this.#isProved(reader)) throw new ContradictionError(size, "more");
    throw new UnusableResponseError(`it is longer than the ${size} bytes of the file that is being fetched`);
  }

  /** Returns where the body of the whole file ends, as far as that response tells it. */
  #checkWhole(reader: SegmentReader): number | undefined {
    return this.#check(reader, undefined, (verdict) => {
      const { context: { runtime }, parts: { version } } = this.#transfer;
      const seen = validatorOf(reader.headers, runtime.clock.wallMs());
      // An error page has no name.
      const isPage = namesVersion(version.validator) && !namesVersion(seen);
      if (verdict.kind === "whole" && verdict.isSameVersion && !isPage) {
        return verdict.size;
      }
      if (verdict.kind === "whole" && verdict.size !== undefined && version.size !== undefined) {
        const isSame = verdict.size !== version.size && proveSame(version.validator, seen);
        if (isSame) throw new ContradictionError(version.size, verdict.size);
      }
      const reason = "it is another file, or another version of it, than the one that is being fetched";
      throw new UnusableResponseError(reason);
    });
  }

  /** Whether what has arrived is of the same version as a response, or for a checksum to judge. */
  #isProved({ headers }: SegmentReader): boolean {
    const { keepsProgress, parts: { version }, context: { runtime } } = this.#transfer;
    if (!keepsProgress) return false;
    return version.isJudgedByChecksum ||
      proveSame(version.validator, validatorOf(headers, runtime.clock.wallMs()));
  }

  #check<T>(reader: SegmentReader, range: ByteRange | undefined, judge: (verdict: Verdict) => T): T {
    const { context: { runtime: { clock }, spec }, parts: { version } } = this.#transfer;
    const wallMs = clock.wallMs();
    try {
      const end = judge(checkResponse(reader, { range, version, wallMs, file: spec }));
      version.note(validatorOf(reader.headers, wallMs));
      return end;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  async #receive(flight: Flight, reader: SegmentReader, end: number): Promise<void> {
    try {
      await this.#receiveSome(flight, reader, end);
      if (!await reader.finish()) {
        this.#transfer.context.log("debug", "a body did not end where it should; its connection was closed");
      }
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  async #receiveSome(flight: Flight, reader: SegmentReader, end: number): Promise<void> {
    const { lease } = flight;
    const { runtime: { clock }, status } = this.#transfer.context;
    const { start } = lease;
    const startedMs = clock.monotonicMs();
    this.#transfer.noteRequest(reader.waitedMs);
    status.connections++;
    try {
      await this.#pump(flight, reader, end);
    } finally {
      status.connections--;
      this.#measure(lease.position - start, clock.monotonicMs() - startedMs);
    }
  }

  /** Reads what is there already. Returns whether it is the same. */
  async #skip(reader: SegmentReader, known: KnownBytes, start: number, end: number): Promise<boolean> {
    const { parts: { pool }, context: { status }, signal } = this.#transfer;
    if (start === end) return true;
    const block = await pool.take(signal);
    try {
      for (let position = start; position < end;) {
        const length = await reader.read(block, Math.min(pool.blockSize, end - position));
        if (length === 0) throw endedEarly(position, end);
        status.meter.addSkipped(length);
        if (!known.agreeWith(block.bytes.subarray(0, length), position)) return false;
        position += length;
      }
      return true;
    } finally {
      pool.release(block);
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
      // A length that only a later response told.
      if (lease.end === Infinity && lease.position === end) scheduler.endOfData(lease);
    } finally {
      if (block !== undefined) pool.release(block);
    }
  }

  #endOfBody(lease: Lease, end: number): void {
    const { leastSize } = this.#transfer.parts;
    const knownEnd = end === Infinity && lease.position < leastSize ? leastSize : end;
    if (knownEnd !== Infinity) throw endedEarly(lease.position, knownEnd);
    // Of a body without a length only its end tells that it was a part.
    if (lease.position === this.#asked?.end) {
      throw new UnusableResponseError("it may be a part of the file");
    }
    this.#transfer.parts.scheduler.endOfData(lease);
  }

  #noteProgress(position: number): void {
    if (!this.#transfer.keepsProgress && position <= this.#furthest) return;
    this.#furthest = position;
    this.#isReturning = false;
    this.#retries.progress();
  }

  #measure(bytes: number, elapsedMs: number): void {
    if (bytes > 0 && elapsedMs > 0) this.#bytesPerSecond = bytes / elapsedMs * 1000;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
