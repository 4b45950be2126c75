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

/** The block size for reading a suspected part to its end, and the time limit of that. */
const READ_OUT_BLOCK_BYTES = 64 * 1024;
const READ_OUT_MS = 1000;
/**
 * How long the second try of an unanswered range may take, as a multiple of the time that the response with the
 * complete file took to start.
 */
const SECOND_TRY_PATIENCE = 3;
const LEAST_SECOND_TRY_MS = 2000;

/** Gets the first response of a new download, also from odd servers. */
export class Prober {
  readonly #tools: FirstRequestTools;
  readonly #requests: FirstRequests;

  constructor(tools: FirstRequestTools, requests: FirstRequests) {
    this.#tools = tools;
    this.#requests = requests;
  }

  /** Requests the first bytes of the file. */
  probe(): Promise<FirstResponse> {
    return this.#probe(this.#requests.mostBytes);
  }

  /** As `probe`, to learn the file's name. The bytes may turn out to be on disk already. */
  probeForName(): Promise<FirstResponse> {
    return this.#probe(this.#requests.fewBytes);
  }

  /** Requests the complete file, as a client without range support does. */
  probePlainly(): Promise<FirstResponse> {
    return this.#requests.withRetries(() => this.#requests.send(PLAIN));
  }

  async #probe(bytes: number): Promise<FirstResponse> {
    const { clock, log, signal, spec } = this.#tools;
    const request: FirstRequest = { ...PLAIN, range: { start: 0, end: bytes } };
    using first = await this.#requestRangeOrFile(request);
    const waitMs = isJudgedByChecksum(spec) ? 0 : ageLacking(first, clock.wallMs());
    if (waitMs === 0) return first.take();
    first[Symbol.dispose]();
    log("info", "the file changed just now; requesting it again once its date identifies the version");
    await clock.sleep(waitMs, signal);
    return await this.#requestRangeOrFile(request);
  }

  /** Requests a range. If its answer cannot be used, it requests the complete file. */
  async #requestRangeOrFile(request: FirstRequest): Promise<FirstResponse> {
    const { log, signal } = this.#tools;
    /** Whether another request for the range would have the same result. */
    let isRangeRejected = false;
    let mayBeEmpty = false;
    let isRangeIrrelevant = false;
    let rangeError: DownloadError | undefined;
    /** A response that may be only a part, and that was read to its end. */
    let suspicious: FirstResponse | undefined;
    const attempt = async (): Promise<FirstResponse> => {
      let wasTransient = false;
      if (!isRangeRejected) {
        try {
          const first = await this.#requests.send(request);
          if (!mayBePart(first)) return first;
          suspicious = first.take({ leastSize: await this.#readOut(first) });
          isRangeRejected = true;
          log("info", "the file seems to end with the requested range; requesting the complete file");
        } catch (error) {
          signal.throwIfAborted();
          if (!mayBeOddity(error) || (isRangeIrrelevant && error.retryable)) throw error;
          rangeError = error;
          isRangeRejected = !error.retryable;
          mayBeEmpty = mayMeanEmpty(error);
          wasTransient = error.retryable;
          log("info", `${error.message}; requesting the complete file`);
        }
      }
      if (suspicious !== undefined) return await this.#confirm(suspicious);
      const plain = await this.#requests.send({ ...PLAIN, mayBeEmpty }).catch((error) => {
        isRangeIrrelevant = isAlike(error, rangeError);
        throw error;
      });
      return wasTransient ? await this.#preferRanges(plain, request) : plain;
    };
    return await this.#requests.withRetries(attempt).catch(async (error) => {
      const isRefusal = error instanceof HttpStatusError && error.retryable && !isRangeIrrelevant;
      if (!isRefusal || signal.aborted) throw error;
      return await this.#requests.send(PLAIN).catch(() => {
        throw error;
      });
    });
  }

  /**
   * Reads a suspected part to its end, if the end comes soon, so that the connection can serve the next request.
   * Returns how many bytes of the file were received.
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
   * Requests the complete file over the only connection. A server that counts connections may refuse the request for
   * a moment, or send a page instead. It has already served this file, so the request is repeated.
   */
  async #confirm(first: FirstResponse): Promise<FirstResponse> {
    const { clock, source, spec, log, signal } = this.#tools;
    for (let tries = 0;; tries++) {
      try {
        using plain = await this.#requests.send(PLAIN);
        if (!isSomethingElse(first, plain, isJudgedByChecksum(spec))) return withRanges(first, plain);
        throw new UnusableResponseError("it differs from the file of which a part was sent before");
      } catch (error) {
        signal.throwIfAborted();
        const isRefusal = error instanceof HttpStatusError || error instanceof UnusableResponseError;
        if (!isRefusal || error.retryable || tries === GRACE) throw error;
        log("info", `${error.message}; requesting it again`);
        source.closeIdle();
        await clock.sleep(Math.min(GRACE_MS, spec.retryMaxDelayMs), signal);
      }
    }
  }

  /**
   * Requests the range once more, because a temporary failure may have been the reason that `given` has the complete
   * file. A part also shows the size. Returns `given` if the second request does not help.
   */
  async #preferRanges(given: FirstResponse, request: FirstRequest): Promise<FirstResponse> {
    using plain = given.take();
    const { size, validator } = plain.remote;
    const hasRanges = /\bbytes\b/i.test(plain.reader.headers.get("accept-ranges") ?? "");
    if (size !== undefined && (!hasRanges || size <= FIRST_SEGMENT_BYTES)) return plain.take();
    const mostMs = Math.max(LEAST_SECOND_TRY_MS, plain.reader.waitedMs * SECOND_TRY_PATIENCE);
    try {
      using ranged = await this.#requestWithin(request, mostMs);
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
  async #requestWithin(request: FirstRequest, ms: number): Promise<FirstResponse> {
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

/** Adds to `plain` what `first` showed: support for ranges if it was complete, or the least size of the file. */
function withRanges(first: FirstResponse, plain: FirstResponse): FirstResponse {
  if (plain.remote.size === undefined && agree(first.remote.validator, plain.remote.validator)) {
    return plain.take({ leastSize: first.leastSize });
  }
  return wasComplete(first, plain)
    ? plain.take({ remote: { ...plain.remote, acceptsRanges: true } })
    : plain.take();
}
