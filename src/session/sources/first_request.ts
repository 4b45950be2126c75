import { RetryBudget } from "../../flow/backoff.ts";
import { readProbe } from "../../http/probe.ts";
import type { Expectation } from "../../http/response_check.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { ByteRange } from "../../types.ts";
import { FirstResponse } from "./first_response.ts";
import { type RetryTools, withRetries } from "./retry.ts";
import type { Source } from "./source.ts";

/** What the first request asks for when nothing is there yet. */
export const FIRST_SEGMENT_BYTES = 1024 * 1024;

/** A request that comes before the transfer. */
export interface FirstRequest {
  /** `undefined` asks for the whole file. */
  readonly range: ByteRange | undefined;
  /** The version an earlier run was fetching. */
  readonly version: Expectation["version"];
  readonly ifRange: string | undefined;
  /**
   * Whether a request before was answered as those for an empty file are.
   *
   * @default {false}
   */
  readonly mayBeEmpty?: boolean;
}

/** A request for the whole file, as a client sends it that knows no ranges. */
export const PLAIN: FirstRequest = { range: undefined, version: undefined, ifRange: undefined };

/** With what the requests are sent that come before the transfer. */
export interface FirstRequestTools extends RetryTools {
  readonly source: Source;
  readonly spec: ResolvedSpec;
  readonly signal: AbortSignal;
}

/** Sends the requests that come before the transfer, one at a time. */
export class FirstRequests {
  readonly #tools: FirstRequestTools;

  constructor(tools: FirstRequestTools) {
    this.#tools = tools;
  }

  /** The most bytes that a request asks for. A lone connection asks for everything at once. */
  get mostBytes(): number {
    const { spec } = this.#tools;
    return spec.maxConnections > 1 ? this.fewBytes : spec.maxSegmentSize;
  }

  /** As many bytes as a request asks for that may find that they are there already. */
  get fewBytes(): number {
    const { minSegmentSize, maxSegmentSize } = this.#tools.spec;
    return Math.min(Math.max(minSegmentSize, FIRST_SEGMENT_BYTES), maxSegmentSize);
  }

  /** Sends one request, and judges its response. */
  async send(
    { range, version, ifRange, mayBeEmpty = false }: FirstRequest,
    signal = this.#tools.signal,
  ): Promise<FirstResponse> {
    const { source, spec, clock } = this.#tools;
    const reader = await source.open({ range, ifRange, signal });
    const saidIfRange = ifRange !== undefined;
    const wallMs = clock.wallMs();
    const expected = { range, version, saidIfRange, mayBeEmpty, wallMs, file: spec };
    return new FirstResponse(readProbe(reader, expected));
  }

  /** The retries of one or more requests. */
  newBudget(): RetryBudget {
    return new RetryBudget(this.#tools.spec, this.#tools.clock);
  }

  /** Runs `attempt` until it succeeds, fails for good, or the budget is spent. */
  withRetries<T>(attempt: () => Promise<T>, budget = this.newBudget()): Promise<T> {
    return withRetries(attempt, budget, this.#tools, this.#tools.signal);
  }
}
