import { DownloadError, HttpStatusError } from "../../errors.ts";
import { mayBePart } from "../../http/probe.ts";
import { UnusableResponseError } from "../../http/unusable_response.ts";
import { agree } from "../../http/validator.ts";
import { OVER, TimeExpiredError } from "../../lib/waiting.ts";
import { GRACE, GRACE_MS } from "../transfer/after_failure.ts";
import { isJudgedByChecksum } from "./expected_checksum.ts";
import {
  FIRST_SEGMENT_BYTES,
  type FirstRequest,
  type FirstRequests,
  type FirstRequestTools,
  PLAIN,
} from "./first_request.ts";
import type { FirstResponse } from "./first_response.ts";
import {
  ageLacking,
  isAlike,
  isSomethingElse,
  mayBeOddity,
  mayMeanEmpty,
  wasComplete,
} from "./response_doubts.ts";

/** How what may be a part is read out, and for how long at most. */
const READ_OUT_BLOCK_BYTES = 64 * 1024;
const READ_OUT_MS = 1000;
/** How long a range that was not answered is tried once more, while the whole file waits: so many times as long as that. */
const SECOND_TRY_PATIENCE = 3;
const LEAST_SECOND_TRY_MS = 2000;

/** Gets the first response for a file of which nothing is there, from whatever server. */
export class Prober {
  readonly #tools: FirstRequestTools;
  readonly #requests: FirstRequests;

  constructor(tools: FirstRequestTools, requests: FirstRequests) {
    this.#tools = tools;
    this.#requests = requests;
  }

  /** Asks for the first bytes of the file. */
  probe(): Promise<FirstResponse> {
    return this.#probe(this.#requests.mostBytes);
  }

  /** As `probe`, for a name; it may turn out that these bytes are there already. */
  probeForName(): Promise<FirstResponse> {
    return this.#probe(this.#requests.fewBytes);
  }

  /** Asks for the whole file, as a client does that knows no ranges. */
  probePlainly(): Promise<FirstResponse> {
    return this.#requests.withRetries(() => this.#requests.send(PLAIN));
  }

  async #probe(bytes: number): Promise<FirstResponse> {
    const { clock, log, signal, spec } = this.#tools;
    const request: FirstRequest = { ...PLAIN, range: { start: 0, end: bytes } };
    using first = await this.#askInTwoWays(request);
    const waitMs = isJudgedByChecksum(spec) ? 0 : ageLacking(first, clock.wallMs());
    if (waitMs === 0) return first.take();
    first[Symbol.dispose]();
    log("info", "the file changed just now; asking again once its date tells versions apart");
    await clock.sleep(waitMs, signal);
    return await this.#askInTwoWays(request);
  }

  /** Asks for a range, and where its answer is of no use once more for everything. */
  async #askInTwoWays(request: FirstRequest): Promise<FirstResponse> {
    const { log, signal } = this.#tools;
    /** What a range brought will not change. */
    let asksPlainly = false;
    let mayBeEmpty = false;
    let isRangeInnocent = false;
    let rangeError: DownloadError | undefined;
    /** A response that may be a part, and that was read out. */
    let suspicious: FirstResponse | undefined;
    const attempt = async (): Promise<FirstResponse> => {
      let wasPassing = false;
      if (!asksPlainly) {
        try {
          const first = await this.#requests.send(request);
          if (!mayBePart(first)) return first;
          suspicious = first.take({ leastSize: await this.#readOut(first) });
          asksPlainly = true;
          log("info", "the file seems to end with the range that was asked for; asking for all of it");
        } catch (error) {
          signal.throwIfAborted();
          if (!mayBeOddity(error) || (isRangeInnocent && error.retryable)) throw error;
          rangeError = error;
          asksPlainly = !error.retryable;
          mayBeEmpty = mayMeanEmpty(error);
          wasPassing = error.retryable;
          log("info", `${error.message}; asking for the whole file`);
        }
      }
      if (suspicious !== undefined) return await this.#confirm(suspicious);
      const plain = await this.#requests.send({ ...PLAIN, mayBeEmpty }).catch((error) => {
        isRangeInnocent = isAlike(error, rangeError);
        throw error;
      });
      return wasPassing ? await this.#preferRanges(plain, request) : plain;
    };
    return await this.#requests.withRetries(attempt).catch(async (error) => {
      const isRefusal = error instanceof HttpStatusError && error.retryable && !isRangeInnocent;
      if (!isRefusal || signal.aborted) throw error;
      return await this.#requests.send(PLAIN).catch(() => {
        throw error;
      });
    });
  }

  /**
   * Reads what may be a part to its end, if that comes soon, so that its connection can serve the next request. Returns
   * how many bytes of the file were received.
   */
  async #readOut({ reader }: FirstResponse): Promise<number> {
    const block = { bytes: new Uint8Array(READ_OUT_BLOCK_BYTES) };
    const inTime = new AbortController();
    const { clock } = this.#tools;
    clock.sleep(READ_OUT_MS, inTime.signal).then(() => reader.close(), () => {}); // it was in time
    let received = 0;
    try {
      for (let length = -1; length !== 0; received += length) {
        length = await reader.read(block, READ_OUT_BLOCK_BYTES);
      }
      await reader.finish();
    } catch {
      reader.close(); // the bytes are not used
    } finally {
      inTime.abort(OVER);
    }
    return received;
  }

  /**
   * Asks for the whole file, over the one connection that is left. A server that counts connections may refuse that for
   * a moment, or send a page in its place: it has served this file already, so it is asked again.
   */
  async #confirm(first: FirstResponse): Promise<FirstResponse> {
    const { clock, source, spec, log, signal } = this.#tools;
    for (let tries = 0;; tries++) {
      try {
        using plain = await this.#requests.send(PLAIN);
        if (!isSomethingElse(first, plain, isJudgedByChecksum(spec))) return withRanges(first, plain);
        throw new UnusableResponseError("it is something else than the file of which a part was sent before");
      } catch (error) {
        signal.throwIfAborted();
        const isRefusal = error instanceof HttpStatusError || error instanceof UnusableResponseError;
        if (!isRefusal || error.retryable || tries === GRACE) throw error;
        log("info", `${error.message}; asking again`);
        source.closeIdle();
        await clock.sleep(Math.min(GRACE_MS, spec.retryMaxDelayMs), signal);
      }
    }
  }

  /** It may have been chance that a request for a range failed: parts, and the size that they tell, are worth another try. */
  async #preferRanges(given: FirstResponse, request: FirstRequest): Promise<FirstResponse> {
    using plain = given.take();
    const { size, validator } = plain.remote;
    const hasRanges = /\bbytes\b/i.test(plain.reader.headers.get("accept-ranges") ?? "");
    if (size !== undefined && (!hasRanges || size <= FIRST_SEGMENT_BYTES)) return plain.take();
    const mostMs = Math.max(LEAST_SECOND_TRY_MS, plain.reader.waitedMs * SECOND_TRY_PATIENCE);
    try {
      using ranged = await this.#askBriefly(request, mostMs);
      const isSame = (size === undefined || ranged.remote.size === size) &&
        agree(ranged.remote.validator, validator);
      const isUseful = ranged.verdict.kind === "part" && isSame && !mayBePart(ranged);
      return isUseful ? ranged.take() : plain.take();
    } catch (error) {
      const isOdd = error instanceof DownloadError || error instanceof TimeExpiredError;
      if (this.#tools.signal.aborted || !isOdd) throw error;
      return plain.take();
    }
  }

  /** Sends one request, whose response must begin within `ms` milliseconds. */
  async #askBriefly(request: FirstRequest, ms: number): Promise<FirstResponse> {
    const { clock, signal } = this.#tools;
    const late = new AbortController();
    const inTime = new AbortController();
    clock.sleep(ms, inTime.signal).then(() => late.abort(new TimeExpiredError()), () => {}); // it was in time
    try {
      return await this.#requests.send(request, AbortSignal.any([signal, late.signal]));
    } finally {
      inTime.abort(OVER);
    }
  }
}

/** What seemed to be a part may have been complete, or shows how many bytes there are at least. */
function withRanges(first: FirstResponse, plain: FirstResponse): FirstResponse {
  if (plain.remote.size === undefined && agree(first.remote.validator, plain.remote.validator)) {
    return plain.take({ leastSize: first.leastSize });
  }
  return wasComplete(first, plain)
    ? plain.take({ remote: { ...plain.remote, acceptsRanges: true } })
    : plain.take();
}
