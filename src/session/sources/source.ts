import { HttpStatusError } from "../../errors.ts";
import { Caller, type CallerFields } from "../../http/caller/caller.ts";
import type { Target } from "../../http/fields/location.ts";
import { statusError } from "../../http/response_check.ts";
import { openSegment, type SegmentReader, type TransportOptions } from "../../http/segment_reader.ts";
import type { Refresh, RefreshedSource } from "../../options/request_options.ts";
import { joinHeaders, parseHeaders } from "../../options/headers.ts";
import { parseUrl } from "../../options/option_checks.ts";
import type { ByteRange, Logger } from "../../types.ts";
import { unlessAborted } from "../../lib/waiting.ts";

/** What a {@linkcode Source} works with. */
export interface SourceOptions {
  readonly transport: TransportOptions;
  readonly url: string;
  readonly caller: CallerFields;
  readonly refresh: Refresh | undefined;
  readonly log: Logger;
}

/** A request for a part of the file. Without `range` it is for the complete file. */
export interface PartRequest {
  readonly range: ByteRange | undefined;
  readonly ifRange: string | undefined;
  readonly signal: AbortSignal;
}

/** Statuses with which servers answer an expired URL. */
export const EXPIRED_STATUS: ReadonlySet<number> = new Set([401, 403, 404, 410]);
/** Error statuses of a URL that works: a condition that is not met, or a file that has changed or is empty. */
const WORKING_STATUS = new Set([304, 416]);

/**
 * The source of the bytes: the caller's URL and the URL that it redirects to. The target of the redirect is used
 * until it expires. Then one request goes to the caller's URL again. The other requests wait for its result, also if
 * it fails.
 */
export class Source {
  readonly #options: SourceOptions;
  #origin: Target;
  #caller: Caller;
  /** The fields that are sent to the caller's origin. */
  #headers: Headers;
  /** The URL that `#origin` redirected to; `undefined` when `#origin` must be requested. */
  #target: Target | undefined;
  /** The status that showed that `#target` had expired, until `refresh` gets it. */
  #expiredWith: number | undefined;
  /**
   * Why `refresh` is not called again until the URL works: `refresh` failed, or the server also refused the URL that
   * it supplied.
   */
  #refreshFailure: HttpStatusError | undefined;
  #originRequest: Promise<SegmentReader> | undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#origin = { url: options.url, isTrusted: true };
    this.#caller = new Caller(options.caller, options.url);
    this.#headers = options.caller.headers;
  }

  /**
   * Requests a part. Returns when the head of the response was received. Rejects with an `HttpStatusError` when the
   * caller's URL itself was requested and does not work.
   */
  async open(request: PartRequest): Promise<SegmentReader> {
    for (;;) {
      request.signal.throwIfAborted();
      if (this.#originRequest !== undefined) await this.#waitFor(this.#originRequest);
      else if (this.#target === undefined) return await this.#requestOriginOnce(request);
      else {
        const target = this.#target;
        const reader = await this.#send(target, request);
        // A response with `Retry-After` does not mean that the URL has expired.
        if (reader.headers.has("retry-after") || !this.#isExpired(target, reader.status)) return reader;
        reader.close();
        if (this.#target === target) this.#expire(reader.status);
      }
    }
  }

  /** Closes idle connections. A server may still count connections that it refused to serve. */
  closeIdle(): void {
    this.#options.transport.client.close();
  }

  /**
   * Waits for another request to the caller's URL. If that was refused and `refresh` did not help, this one fails,
   * too. Any other failure concerns only that request.
   */
  async #waitFor(request: Promise<SegmentReader>): Promise<void> {
    try {
      await request;
    } catch (error) {
      if (error instanceof HttpStatusError && this.#options.refresh !== undefined) throw error;
    }
  }

  /**
   * Whether the URL has expired. If the caller's URL does not redirect, a second request can succeed only if
   * `refresh` changes the URL.
   */
  #isExpired({ url, isTrusted }: Target, status: number): boolean {
    const isOrigin = isTrusted && url === this.#origin.url;
    return EXPIRED_STATUS.has(status) && !(isOrigin && this.#options.refresh === undefined);
  }

  #expire(status: number): void {
    this.#options.log("info", `the server answered ${status}; requesting the original URL again`);
    this.#target = undefined;
    this.#expiredWith = status;
  }

  async #requestOriginOnce(request: PartRequest): Promise<SegmentReader> {
    this.#originRequest = this.#requestOrigin(request);
    try {
      return await this.#originRequest;
    } finally {
      this.#originRequest = undefined;
    }
  }

  async #requestOrigin(request: PartRequest): Promise<SegmentReader> {
    const { refresh, transport } = this.#options;
    const mayRefresh = refresh !== undefined && this.#refreshFailure === undefined;
    const expiredWith = this.#expiredWith;
    if (expiredWith !== undefined && mayRefresh) await this.#refresh(expiredWith, request.signal);
    let reader = await this.#send(this.#origin, request);
    if (expiredWith === undefined && mayRefresh && EXPIRED_STATUS.has(reader.status)) {
      reader.close();
      await this.#refresh(reader.status, request.signal);
      reader = await this.#send(this.#origin, request);
    }
    if (reader.status >= 300 && !WORKING_STATUS.has(reader.status)) {
      reader.close();
      throw this.#refused(statusError(reader, transport.clock.wallMs()));
    }
    this.#target = reader.target;
    this.#refreshFailure = undefined;
    return reader;
  }

  #refused(error: HttpStatusError): HttpStatusError {
    if (this.#options.refresh === undefined || !EXPIRED_STATUS.has(error.status)) return error;
    return this.#refreshFailure ??= error;
  }

  #send(target: Target, request: PartRequest): Promise<SegmentReader> {
    return openSegment(this.#options.transport, { target, caller: this.#caller, ...request });
  }

  /** Calls `refresh`, which may replace the URL and the headers. */
  async #refresh(status: number, signal: AbortSignal): Promise<void> {
    const { refresh, log } = this.#options;
    const fresh = refresh && await this.#call(refresh, status, signal);
    this.#expiredWith = undefined;
    if (fresh === undefined) return;
    try {
      this.#replaceUrl(fresh);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : "it is not an object";
      const reason = `the server answered ${status}, and what refresh supplied cannot be used: ${problem}`;
      throw this.#refreshFailure = fetchError(status, reason, cause);
    }
    log("info", "continuing with the URL and headers that refresh supplied");
  }

  #replaceUrl({ url: text, headers }: RefreshedSource): void {
    const { url, authorization } = parseUrl(text);
    const isSameOrigin = new URL(url).origin === new URL(this.#origin.url).origin;
    const supplied = parseHeaders(headers);
    if (authorization !== undefined && !supplied.has("authorization")) {
      supplied.set("authorization", authorization);
    }
    // Fields for one origin must not be sent to another.
    this.#headers = isSameOrigin ? joinHeaders(this.#headers, supplied) : supplied;
    this.#caller = this.#caller.withHeaders(this.#headers);
    this.#origin = { url, isTrusted: true };
  }

  async #call(refresh: Refresh, status: number, signal: AbortSignal): ReturnType<Refresh> {
    try {
      return await unlessAborted(refresh({ status, signal }), signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#refreshFailure = fetchError(
        status,
        `the server answered ${status}, and refresh failed`,
        cause,
      );
    }
  }
}

function fetchError(status: number, reason: string, cause: unknown): HttpStatusError {
  return new HttpStatusError(status, `Cannot fetch the file: ${reason}`, { reason, cause });
}
