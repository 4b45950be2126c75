import { HttpStatusError } from "../errors.ts";
import type { CallerFields, Target } from "../http/redirect.ts";
import { openSegment, type SegmentReader, type TransportOptions } from "../http/segment_reader.ts";
import type { Refresh } from "../options.ts";
import { parseHeaders, parseUrl } from "../option_checks.ts";
import type { ByteRange, Logger } from "../types.ts";
import { unlessAborted } from "../waiting.ts";

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
const EXPIRED_STATUS = new Set([401, 403, 404, 410]);

/**
 * Where the bytes come from: the caller's URL, and where that leads. The latter is kept until it expires; then
 * one request asks the caller's URL again, and the others wait for what it learns.
 */
export class Source {
  readonly #options: SourceOptions;
  #origin: Target;
  #caller: CallerFields;
  /** Where `#origin` led; `undefined` when that is to be asked. */
  #target: Target | undefined;
  /** The status that told that `#target` had expired. */
  #expiredWith: number | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#origin = { url: options.url, isTrusted: true };
    this.#caller = options.caller;
  }

  /** Asks for a part; returns once the head of the response is there. */
  async open(request: PartRequest): Promise<SegmentReader> {
    for (;;) {
      await this.#asking;
      request.signal.throwIfAborted();
      const target = this.#target;
      if (target === undefined) return await this.#askOrigin(request);
      const reader = await this.#send(target, request);
      if (!EXPIRED_STATUS.has(reader.status)) return reader;
      reader.close();
      if (this.#target !== target) continue;
      this.#options.log("info", `the server answered ${reader.status}; asking the original URL again`);
      this.#target = undefined;
      this.#expiredWith = reader.status;
    }
  }

  async #askOrigin(request: PartRequest): Promise<SegmentReader> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking = promise;
    try {
      if (this.#expiredWith !== undefined) await this.#refresh(this.#expiredWith, request.signal);
      let reader = await this.#send(this.#origin, request);
      const isUnasked = this.#expiredWith === undefined && this.#options.refresh !== undefined;
      if (isUnasked && EXPIRED_STATUS.has(reader.status)) {
        reader.close();
        await this.#refresh(reader.status, request.signal);
        reader = await this.#send(this.#origin, request);
      }
      this.#target = reader.target;
      return reader;
    } finally {
      this.#asking = undefined;
      resolve();
    }
  }

  #send(target: Target, request: PartRequest): Promise<SegmentReader> {
    return openSegment(this.#options.transport, { target, caller: this.#caller, ...request });
  }

  /** Lets the caller put another URL or other headers in place of those that were given. */
  async #refresh(status: number, signal: AbortSignal): Promise<void> {
    const { refresh, log } = this.#options;
    if (refresh === undefined) return;
    try {
      const fresh = await unlessAborted(refresh({ status, signal }), signal);
      if (fresh === undefined) return;
      const { url, authorization } = parseUrl(fresh.url);
      const headers = parseHeaders(this.#caller.headers, fresh.headers);
      if (authorization !== undefined) headers.set("authorization", authorization);
      this.#origin = { url, isTrusted: true };
      this.#caller = { ...this.#caller, headers };
    } catch (cause) {
      signal.throwIfAborted();
      const message = `Cannot fetch the file: the server answered ${status}, and refresh did not help`;
      throw new HttpStatusError(status, message, { cause });
    }
    log("info", "going on with what refresh supplied");
  }
}
