import type { ProbeResult } from "../../http/probe.ts";
import type { SegmentReader } from "../../http/segment_reader.ts";

/**
 * The response to a request before the transfer. It has one owner at a time, which closes it by disposing of it. A
 * function that gets a response becomes its owner by `take()`.
 */
export class FirstResponse implements ProbeResult, Disposable {
  readonly remote: ProbeResult["remote"];
  readonly verdict: ProbeResult["verdict"];
  readonly requested: ProbeResult["requested"];
  readonly leastSize: number;
  #reader: SegmentReader | undefined;

  constructor({ remote, verdict, reader, requested, leastSize = 0 }: ProbeResult) {
    this.remote = remote;
    this.verdict = verdict;
    this.requested = requested;
    this.leastSize = leastSize;
    this.#reader = reader;
  }

  /** Its head and body. Only the owner may use them. */
  get reader(): SegmentReader {
    if (this.#reader === undefined) throw new TypeError("Cannot use the response: it has another owner");
    return this.#reader;
  }

  /**
   * Passes the response to a new owner, with `changes` to what is known about it. Disposing of this object later has
   * no effect.
   */
  take(changes: Partial<Pick<ProbeResult, "remote" | "verdict" | "leastSize">> = {}): FirstResponse {
    const { remote, verdict, reader, requested, leastSize } = this;
    this.#reader = undefined;
    return new FirstResponse({ remote, verdict, reader, requested, leastSize, ...changes });
  }

  /** Closes the response, unless another owner has it. */
  [Symbol.dispose](): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
