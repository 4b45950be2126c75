import type { ProbeResult } from "../../http/probe.ts";
import { onAbort } from "../../lib/on_abort.ts";
import type { Lease } from "../../plan/scheduler.ts";
import type { ByteRange } from "../../types.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";
import { Recovery, type RecoveryOptions } from "./recovery.ts";
import { WholeFileRequest, type WholeFileRequestOptions } from "./whole_file_request.ts";

/** What a {@linkcode LeaseWorker} and its parts work with. */
export type LeaseWorkerOptions =
  & RecoveryOptions
  & Omit<ReceiverOptions, "onReceived">
  & Omit<WholeFileRequestOptions, "receiver">;

/** One connection: takes a lease, fetches it, takes the next one. */
export class LeaseWorker {
  readonly #options: LeaseWorkerOptions;
  readonly #recovery: Recovery;
  readonly #receiver: Receiver;
  readonly #wholeFile: WholeFileRequest;
  /** The range of the latest request, `undefined` for the complete file. */
  #requested: ByteRange | undefined;

  constructor(options: LeaseWorkerOptions) {
    const recovery = new Recovery(options);
    const receiver = new Receiver({ ...options, onReceived: (position) => recovery.noteReceived(position) });
    this.#options = options;
    this.#recovery = recovery;
    this.#receiver = receiver;
    this.#wholeFile = new WholeFileRequest({ ...options, receiver });
  }

  /** Returns when no lease is left or it is retired. `first` is a response that was received already. */
  async run(first: ProbeResult | undefined): Promise<void> {
    const { load, desk, signal } = this.#options;
    try {
      if (first !== undefined && !await this.#try(() => this.#takeOver(first))) return;
      for (;;) {
        await load.waitUntilReady(signal);
        const lease = await desk.next(this.#receiver.bytesPerSecond, load);
        if (lease === undefined) return;
        if (!await this.#try(() => this.#fetch(lease))) return;
      }
    } finally {
      this.#receiver.close();
    }
  }

  /** Returns whether the connection continues: `false` when it is retired. */
  async #try(attempt: () => Promise<void>): Promise<boolean> {
    try {
      await attempt();
      return true;
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return await this.#recovery.recover(error, this.#requested);
    }
  }

  /** Makes the body of the first response the first lease. */
  async #takeOver({ verdict, reader, remote, requested }: ProbeResult): Promise<void> {
    const { load, desk, scheduler, check } = this.#options;
    const end = verdict.kind === "part" ? verdict.range.end : remote.size ?? Infinity;
    const start = verdict.kind === "part" ? verdict.range.start : 0;
    this.#requested = requested;
    if (verdict.kind === "part" && requested !== undefined) load.noteServed(check.bytesOf(requested));
    if (start > 0) load.noteServedMiddle();
    const lease = verdict.kind === "empty" ? undefined : scheduler.leaseCovered({ start, end });
    if (lease === undefined) return reader.close();
    await desk.whileTracked(lease, async (active) => {
      // Its request was sent before the transfer began, so that no signal of the transfer aborts it.
      using _ = onAbort(active.signal, () => reader.close());
      await this.#receiver.receiveAll(active, { reader, end, requestedEnd: requested?.end });
    });
  }

  async #fetch(lease: Lease): Promise<void> {
    const { load, check: { size } } = this.#options;
    if (!load.usesRanges) {
      this.#requested = undefined;
      return await this.#wholeFile.fetch(lease);
    }
    // The last request has no end, so that its response also shows whether the file ends at the expected size.
    const range = { start: lease.start, end: lease.end === size ? Infinity : lease.end };
    this.#requested = range;
    try {
      await this.#fetchRange(lease, range);
    } finally {
      this.#recovery.noteRequestEnd(lease);
    }
  }

  async #fetchRange(lease: Lease, range: ByteRange): Promise<void> {
    const { source, load, desk, check } = this.#options;
    await desk.whileTracked(lease, async (active) => {
      const reader = await source.open({ range, ifRange: undefined, signal: active.signal });
      const end = check.checkPart(reader, range);
      load.noteServed(check.bytesOf(range));
      await this.#receiver.receiveAll(active, { reader, end, requestedEnd: range.end });
    });
  }
}
