import type { ProbeResult } from "../../http/probe.ts";
import { onAbort } from "../../lib/on_abort.ts";
import type { Lease, Scheduler } from "../../plan/scheduler.ts";
import type { ByteRange } from "../../types.ts";
import type { Source } from "../sources/source.ts";
import type { LeaseDesk } from "./lease_desk.ts";
import type { Receiver } from "./receiver.ts";
import type { Recovery } from "./recovery.ts";
import type { ServerLoad } from "./server_load.ts";
import type { VersionCheck } from "./version_check.ts";
import type { WholeFileRequest } from "./whole_file_request.ts";
import type { Worker } from "./worker_pool.ts";

/** What a {@linkcode LeaseWorker} works with. */
export interface LeaseWorkerOptions {
  readonly source: Pick<Source, "open">;
  readonly load: ServerLoad;
  readonly desk: LeaseDesk;
  readonly scheduler: Scheduler;
  readonly check: VersionCheck;
  readonly receiver: Receiver;
  readonly recovery: Recovery;
  readonly wholeFile: WholeFileRequest;
  /** Bytes of the file, `undefined` where no response said how many it has. */
  readonly size: number | undefined;
  /** Aborted when the transfer ends early. */
  readonly signal: AbortSignal;
}

/** One connection: takes a lease, fetches it, takes the next one. */
export class LeaseWorker implements Worker {
  readonly #options: LeaseWorkerOptions;
  /** The range of the latest request, `undefined` for the whole file. */
  #requested: ByteRange | undefined;

  constructor(options: LeaseWorkerOptions) {
    this.#options = options;
  }

  async run(first: ProbeResult | undefined): Promise<void> {
    const { load, desk, receiver, signal } = this.#options;
    try {
      if (first !== undefined && !await this.#try(() => this.#takeOver(first))) return;
      for (;;) {
        await load.waitUntilReady(signal);
        const lease = await desk.next(receiver.bytesPerSecond, load);
        if (lease === undefined) return;
        if (!await this.#try(() => this.#fetch(lease))) return;
      }
    } finally {
      receiver.close();
    }
  }

  /** Returns whether the connection continues: `false` when it is retired. */
  async #try(attempt: () => Promise<void>): Promise<boolean> {
    try {
      await attempt();
      return true;
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return await this.#options.recovery.recover(error, this.#requested);
    }
  }

  /** Makes the body of the first response the first lease. */
  async #takeOver({ verdict, reader, remote, asked }: ProbeResult): Promise<void> {
    const { load, desk, scheduler, check, receiver } = this.#options;
    const end = verdict.kind === "part" ? verdict.range.end : remote.size ?? Infinity;
    const start = verdict.kind === "part" ? verdict.range.start : 0;
    this.#requested = asked;
    if (verdict.kind === "part" && asked !== undefined) load.noteServed(check.bytesOf(asked));
    if (start > 0) load.noteServedMiddle();
    const lease = verdict.kind === "empty" ? undefined : scheduler.leaseCovered({ start, end });
    if (lease === undefined) return reader.close();
    await desk.whileTracked(lease, async (active) => {
      // Its request was sent before the transfer began, so that no signal of the transfer aborts it.
      using _ = onAbort(active.signal, () => reader.close());
      await receiver.receiveAll(active, { reader, end, requestedEnd: asked?.end });
    });
  }

  async #fetch(lease: Lease): Promise<void> {
    const { load, recovery, wholeFile, size } = this.#options;
    if (!load.usesRanges) {
      this.#requested = undefined;
      return await wholeFile.fetch(lease);
    }
    // Without an end, the last request also shows whether the file ends where it should.
    const range = { start: lease.start, end: lease.end === size ? Infinity : lease.end };
    this.#requested = range;
    try {
      await this.#fetchRange(lease, range);
    } finally {
      recovery.noteRequestEnd(lease);
    }
  }

  async #fetchRange(lease: Lease, range: ByteRange): Promise<void> {
    const { source, load, desk, check, receiver } = this.#options;
    await desk.whileTracked(lease, async (active) => {
      const reader = await source.open({ range, ifRange: undefined, signal: active.signal });
      const end = check.checkPart(reader, range);
      load.noteServed(check.bytesOf(range));
      await receiver.receiveAll(active, { reader, end, requestedEnd: range.end });
    });
  }
}
