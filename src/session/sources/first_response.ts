import type { ProbeResult } from "../../http/probe.ts";
import type { SegmentReader } from "../../http/segment_reader.ts";

/**
 * The response to a request that comes before the transfer. One owner at a time has it, and closes it by disposing of
 * it. Whoever is passed one becomes its owner by `take()`.
 */
export class FirstResponse implements ProbeResult, Disposable {
  readonly remote: ProbeResult["remote"];
  readonly verdict: ProbeResult["verdict"];
  readonly asked: ProbeResult["asked"];
  readonly leastSize: number;
  #reader: SegmentReader | undefined;

  constructor({ remote, verdict, reader, asked, leastSize = 0 }: ProbeResult) {
    this.remote = remote;
    this.verdict = verdict;
    this.asked = asked;
    this.leastSize = leastSize;
    this.#reader = reader;
  }

  /** Its head and body. Only the owner may use them. */
  get reader(): SegmentReader {
    if (this.#reader === undefined) throw new TypeError("Cannot use the response: it has another owner");
    return this.#reader;
  }

  /** Passes the response on, with `changes` to what is known of it. Nothing happens when this one is disposed of later. */
  take(changes: Partial<Pick<ProbeResult, "remote" | "verdict" | "leastSize">> = {}): FirstResponse {
    const { remote, verdict, reader, asked, leastSize } = this;
    this.#reader = undefined;
    return new FirstResponse({ remote, verdict, reader, asked, leastSize, ...changes });
  }

  /** Closes the response, unless another owner has it. */
  [Symbol.dispose](): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
