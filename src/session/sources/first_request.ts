import { RetryBudget } from "../../flow/backoff.ts";
import { readProbe } from "../../http/probe.ts";
import type { Expectation } from "../../http/response_check.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { ByteRange } from "../../types.ts";
import { FirstResponse } from "./first_response.ts";
import { type RetryTools, withRetries } from "./retry.ts";
import type { Source } from "./source.ts";

/** How many bytes the first request of a new download is for. */
export const FIRST_SEGMENT_BYTES = 1024 * 1024;

/** A request that comes before the transfer. */
export interface FirstRequest {
  /** `undefined` requests the complete file. */
  readonly range: ByteRange | undefined;
  /** The version that an earlier run was fetching. */
  readonly version: Expectation["version"];
  readonly ifRange: string | undefined;
  /**
   * Whether the answer to an earlier request may mean that the file is empty.
   *
   * @default {false}
   */
  readonly mayBeEmpty?: boolean;
}

/** A request for the complete file, as a client without range support sends it. */
export const PLAIN: FirstRequest = { range: undefined, version: undefined, ifRange: undefined };

/** What {@linkcode FirstRequests} works with. */
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

  /** The most bytes in one request. A single connection requests everything with one request. */
  get mostBytes(): number {
    const { spec } = this.#tools;
    return spec.maxConnections > 1 ? this.fewBytes : spec.maxSegmentSize;
  }

  /** How many bytes to request where they may turn out to be on disk already. */
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

  /** Runs `attempt` until it succeeds, fails without hope of a retry, or uses up the budget. */
  withRetries<T>(attempt: () => Promise<T>, budget = this.newBudget()): Promise<T> {
    return withRetries(attempt, budget, this.#tools, this.#tools.signal);
  }
}
