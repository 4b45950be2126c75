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

/** What a source needs to know. */
export interface SourceOptions {
  readonly transport: TransportOptions;
  readonly url: string;
  readonly caller: CallerFields;
  readonly refresh: Refresh | undefined;
  readonly log: Logger;
}

/** A part of the file, or with `range` left undefined all of it. */
export interface PartRequest {
  readonly range: ByteRange | undefined;
  readonly ifRange: string | undefined;
  readonly signal: AbortSignal;
}

/** How servers say that a URL was good for a while only. */
export const EXPIRED_STATUS: ReadonlySet<number> = new Set([401, 403, 404, 410]);
/** Answers of a URL that works: a condition that is not met, and that the file has changed or is empty. */
const WORKING_STATUS = new Set([304, 416]);

/**
 * Where the bytes come from: the caller's URL, and where that leads. The latter is kept until it expires; then
 * one request asks the caller's URL again, and the others wait for what it learns, be it that it failed.
 */
export class Source {
  readonly #options: SourceOptions;
  #origin: Target;
  #caller: Caller;
  /** What the caller's origin is told. */
  #headers: Headers;
  /** Where `#origin` led; `undefined` when that is to be asked. */
  #target: Target | undefined;
  /** The status that told that `#target` had expired, until `refresh` knows of it. */
  #expiredWith: number | undefined;
  /** Why `refresh` is not called again until the URL works: it failed, or what it supplied is refused as well. */
  #vain: HttpStatusError | undefined;
  #asking: Promise<SegmentReader> | undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#origin = { url: options.url, isTrusted: true };
    this.#caller = new Caller(options.caller, options.url);
    this.#headers = options.caller.headers;
  }

  /**
   * Asks for a part; returns once the head of the response is there. Rejects with an `HttpStatusError` when
   * the caller's URL itself was asked and does not work.
   */
  async open(request: PartRequest): Promise<SegmentReader> {
    for (;;) {
      request.signal.throwIfAborted();
      if (this.#asking !== undefined) await this.#learnFrom(this.#asking);
      else if (this.#target === undefined) return await this.#askAlone(request);
      else {
        const target = this.#target;
        const reader = await this.#send(target, request);
        // Who says when to come back has not expired.
        if (reader.headers.has("retry-after") || !this.#isExpired(target, reader.status)) return reader;
        reader.close();
        if (this.#target === target) this.#expire(reader.status);
      }
    }
  }

  /** Closes connections that are idle: a server may count those that it refused to serve. */
  closeIdle(): void {
    this.#options.transport.client.close();
  }

  /** Where `refresh` knew nothing better all are refused; whatever else befell the one that asked is its own. */
  async #learnFrom(asking: Promise<SegmentReader>): Promise<void> {
    try {
      await asking;
    } catch (error) {
      if (error instanceof HttpStatusError && this.#options.refresh !== undefined) throw error;
    }
  }

  /** Where the caller's URL leads nowhere else, asking it once more is of no use unless `refresh` changes it. */
  #isExpired({ url, isTrusted }: Target, status: number): boolean {
    const isOrigin = isTrusted && url === this.#origin.url;
    return EXPIRED_STATUS.has(status) && !(isOrigin && this.#options.refresh === undefined);
  }

  #expire(status: number): void {
    this.#options.log("info", `the server answered ${status}; asking the original URL again`);
    this.#target = undefined;
    this.#expiredWith = status;
  }

  async #askAlone(request: PartRequest): Promise<SegmentReader> {
    this.#asking = this.#askOrigin(request);
    try {
      return await this.#asking;
    } finally {
      this.#asking = undefined;
    }
  }

  async #askOrigin(request: PartRequest): Promise<SegmentReader> {
    const { refresh, transport } = this.#options;
    const mayRefresh = refresh !== undefined && this.#vain === undefined;
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
    this.#vain = undefined;
    return reader;
  }

  #refused(error: HttpStatusError): HttpStatusError {
    if (this.#options.refresh === undefined || !EXPIRED_STATUS.has(error.status)) return error;
    return this.#vain ??= error;
  }

  #send(target: Target, request: PartRequest): Promise<SegmentReader> {
    return openSegment(this.#options.transport, { target, caller: this.#caller, ...request });
  }

  /** Lets the caller put another URL or other headers in place of those that were given. */
  async #refresh(status: number, signal: AbortSignal): Promise<void> {
    const { refresh, log } = this.#options;
    const fresh = refresh && await this.#call(refresh, status, signal);
    this.#expiredWith = undefined;
    if (fresh === undefined) return;
    try {
      this.#goOnWith(fresh);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : "it is no object";
      const reason = `the server answered ${status}, and what refresh supplied is of no use: ${problem}`;
      throw this.#vain = fetchError(status, reason, cause);
    }
    log("info", "going on with the URL and headers that refresh supplied");
  }

  #goOnWith({ url: text, headers }: RefreshedSource): void {
    const { url, authorization } = parseUrl(text);
    const isSameOrigin = new URL(url).origin === new URL(this.#origin.url).origin;
    const supplied = parseHeaders(headers);
    if (authorization !== undefined && !supplied.has("authorization")) {
      supplied.set("authorization", authorization);
    }
    // What was meant for one origin is not for another.
    this.#headers = isSameOrigin ? joinHeaders(this.#headers, supplied) : supplied;
    this.#caller = this.#caller.withHeaders(this.#headers);
    this.#origin = { url, isTrusted: true };
  }

  async #call(refresh: Refresh, status: number, signal: AbortSignal): ReturnType<Refresh> {
    try {
      return await unlessAborted(refresh({ status, signal }), signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#vain = fetchError(status, `the server answered ${status}, and refresh failed`, cause);
    }
  }
}

function fetchError(status: number, reason: string, cause: unknown): HttpStatusError {
  return new HttpStatusError(status, `Cannot fetch the file: ${reason}`, { reason, cause });
}
