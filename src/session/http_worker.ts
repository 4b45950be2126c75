import type { Block } from "../block.ts";
import { DownloadError } from "../errors.ts";
import { RetryBudget } from "../flow/backoff.ts";
import type { ProbeResult } from "../http/probe.ts";
import { checkResponse, ContradictionError, type Verdict } from "../http/response_check.ts";
import type { SegmentReader } from "../http/segment_reader.ts";
import { proveSame, validatorOf } from "../http/validator.ts";
import type { Lease } from "../plan/scheduler.ts";
import type { CacheLane } from "../storage/write_back_cache.ts";
import type { ByteRange } from "../types.ts";
import { type AfterFailure, afterFailure, type FinalStep, isOverload } from "./after_failure.ts";
import { countFailure, endedEarly } from "./retry.ts";
import type { Flight } from "./flight.ts";
import type { Transfer } from "./transfer.ts";

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
  /** What the latest request asked for, `undefined` for the whole file. */
  #asked: ByteRange | undefined;

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
    if (isOverload(error)) transfer.easeOff(error);
    if (transfer.hasOthers && transfer.hasTooMany) return this.#retire(error, true);
    const next = this.#decide(error);
    if (next.kind !== "retry") return this.#obey(next, error);
    const isSpent = !(error instanceof DownloadError) || this.#retries.failures >= next.most;
    const delayMs = isSpent ? undefined : countFailure(transfer.context, error, this.#retries, next.afterMs);
    if (delayMs === undefined) return this.#obey(next.whenSpent, error);
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
      hasGoneOn,
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

  /** Fetches the whole file once more, and delivers what is missing of it. */
  async #fetchFromWhole(first: Lease): Promise<void> {
    const { parts: { scheduler } } = this.#transfer;
    this.#asked = undefined;
    let whole: Whole | undefined;
    try {
      let position = 0;
      for (let lease: Lease | undefined = first; lease !== undefined; lease = scheduler.lease(0, 1)) {
        const current: Lease = lease;
        const flight = this.#transfer.launch(current);
        await this.#fly(flight, async () => {
          const { reader, end } = whole ??= await this.#openWhole();
          if (!current.active) return; // it started over
          await this.#skip(reader, current.start - position);
          await this.#receiveSome(flight, reader, Math.min(end ?? Infinity, current.end));
          position = current.position;
        });
      }
      if (whole !== undefined) await this.#finishWhole(whole);
    } finally {
      whole?.reader.close();
    }
  }

  /** Where the next response cannot be shown to be of the same version, what has arrived goes once that is there. */
  async #openWhole(): Promise<Whole> {
    const { context: { source }, parts, keepsProgress, signal } = this.#transfer;
    const reader = await source.open({ range: undefined, ifRange: undefined, signal });
    try {
      const end = this.#checkWhole(reader);
      if (!keepsProgress) await parts.startOver();
      return { reader, end };
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** A body that told no length must not go on behind what is known to be the end. */
  async #finishWhole({ reader, end }: Whole): Promise<void> {
    const { size } = this.#transfer.parts.version;
    if (await reader.finish() || end !== undefined || size === undefined) return;
    if (this.#isProven(reader)) throw new ContradictionError(size, "more");
    throw unusable(`it is longer than the ${size} bytes of the file that is being fetched`);
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
      throw new DownloadError("bad_response", `Cannot use the response: ${reason}`, {
        retryable: isSameVersion,
      });
    });
  }

  /** Returns where the body of the whole file ends, as far as that response says it. */
  #checkWhole(reader: SegmentReader): number | undefined {
    const { parts: { version }, context: { status }, keepsProgress } = this.#transfer;
    // Some of what has arrived may not have been written yet.
    const isAnew = !keepsProgress || status.meter.downloaded === 0;
    return this.#check(reader, undefined, (verdict) => {
      const isSame = this.#isProven(reader);
      if (verdict.kind === "whole" && verdict.isSameVersion) {
        if (isAnew || version.isJudgedByChecksum || isSame) {
          return verdict.size;
        }
        throw unusable("it does not tell which version of the file it belongs to");
      }
      const [known, seen] = [version.size, verdict.kind === "whole" ? verdict.size : undefined];
      if (isSame && known !== undefined && seen !== undefined && known !== seen) {
        throw new ContradictionError(known, seen);
      }
      throw unusable("it is another file, or another version of it, than the one that is being fetched");
    });
  }

  #isProven({ headers }: SegmentReader): boolean {
    const { parts: { version }, context: { runtime: { clock } } } = this.#transfer;
    return proveSame(version.validator, validatorOf(headers, clock.wallMs()));
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

  /** Reads what is there already. */
  async #skip(reader: SegmentReader, length: number): Promise<void> {
    const { parts: { pool }, context: { status }, signal } = this.#transfer;
    if (length === 0) return;
    const block = await pool.take(signal);
    try {
      for (let left = length; left > 0;) {
        const skipped = await reader.read(block, Math.min(pool.blockSize, left));
        if (skipped === 0) throw endedEarly(length - left, length);
        status.meter.addSkipped(skipped);
        left -= skipped;
      }
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
    if (end !== Infinity) throw endedEarly(lease.position, end);
    // Of a body without a length only its end tells that it was a part.
    if (lease.position === this.#asked?.end) {
      throw unusable("it may be a part of the file");
    }
    this.#transfer.parts.scheduler.endOfData(lease);
  }

  #noteProgress(position: number): void {
    if (!this.#transfer.usesRanges && position <= this.#furthest) return;
    this.#furthest = position;
    this.#retries.progress();
  }

  #measure(bytes: number, elapsedMs: number): void {
    if (bytes > 0 && elapsedMs > 0) this.#bytesPerSecond = bytes / elapsedMs * 1000;
  }
}

/** A response with the whole file, and where that ends as far as it says it. */
interface Whole {
  readonly reader: SegmentReader;
  readonly end: number | undefined;
}

function unusable(reason: string): DownloadError {
  return new DownloadError("bad_response", `Cannot use the response: ${reason}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
