import type { Block } from "../lib/block.ts";
import type { Clock, HttpClient, HttpResponse } from "../runtime/runtime.ts";
import type { ByteRange } from "../types.ts";
import { formatRange } from "./fields/range.ts";
import { getFollowing } from "./redirect.ts";
import type { Caller } from "./caller/caller.ts";
import type { Target } from "./fields/location.ts";
import { OpenRequest } from "./open_request.ts";
import { onAbort } from "../lib/on_abort.ts";

/** Limits the rate of a body. */
export interface Throttle {
  readonly isSet: boolean;
  transform(
    signal: AbortSignal,
    onDelay: (isDelayed: boolean) => void,
  ): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>;
}

/** Settings of all requests of one download. */
export interface TransportOptions {
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly throttle: Throttle;
  readonly userAgent: string;
  readonly allowDowngrade: boolean;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** One request. */
export interface SegmentRequest {
  readonly target: Target;
  readonly caller: Caller;
  /** The bytes to request; `undefined` requests the complete file. */
  readonly range: ByteRange | undefined;
  readonly ifRange: string | undefined;
  readonly signal: AbortSignal;
}

/** Sends a request. Returns once the head of its response has arrived. */
export async function openSegment(
  options: TransportOptions,
  { target, caller, range, ifRange, signal }: SegmentRequest,
): Promise<SegmentReader> {
  const ownHeaders = new Headers({ "accept-encoding": "identity", "user-agent": options.userAgent });
  if (range !== undefined) ownHeaders.set("range", formatRange(range));
  if (ifRange !== undefined) ownHeaders.set("if-range", ifRange);
  const request = new OpenRequest(options.clock, signal);
  request.watchdog.arm(options.connectTimeoutMs);
  const sentMs = options.clock.monotonicMs();
  try {
    const { response, target: reached } = await getFollowing(options.client, {
      target,
      ownHeaders,
      caller,
      allowDowngrade: options.allowDowngrade,
      wallMs: options.clock.wallMs(),
      signal: request.signal,
    });
    request.watchdog.disarm();
    const waitedMs = options.clock.monotonicMs() - sentMs;
    return new SegmentReader(options, { request, response, target: reached, waitedMs });
  } catch (error) {
    request.abort();
    const { host } = new URL(target.url);
    const late = `${host} did not answer within ${options.connectTimeoutMs / 1000} s`;
    throw request.explain(error, { broken: `no connection to ${host}`, late });
  }
}

type Stream = ReadableStream<Uint8Array<ArrayBuffer>>;
type Reader = ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** Longest wait for the end of a body after its last byte. Then the connection is closed. */
const END_TIMEOUT_MS = 1000;

/** A request and the head of its response. */
interface Exchange {
  readonly request: OpenRequest;
  readonly response: HttpResponse;
  /** Where the response came from, after redirects. */
  readonly target: Target;
  /** From the request to the head of the response, in milliseconds. */
  readonly waitedMs: number;
}

/** The response to one request. Its owner must `finish` or `close` it. */
export class SegmentReader {
  readonly status: number;
  readonly headers: Headers;
  /** The source of the response, after redirects. */
  readonly target: Target;
  /** Milliseconds between the request and the head of its response. */
  readonly waitedMs: number;
  readonly #options: TransportOptions;
  readonly #request: OpenRequest;
  #stream: Stream;
  #isThrottled = false;
  #isDelayed = false;
  #isReading = false;
  #reader: Reader;
  /** Bytes that did not fit into the last block. */
  #surplus: Uint8Array<ArrayBuffer> = NOTHING;

  constructor(options: TransportOptions, { request, response, target, waitedMs }: Exchange) {
    this.status = response.status;
    this.headers = response.headers;
    this.target = target;
    this.waitedMs = waitedMs;
    this.#options = options;
    this.#request = request;
    this.#stream = response.body ?? new Blob([]).stream();
    this.#reader = acquireReader(this.#stream);
    // On Deno an abort no longer reaches a body after a garbage collection of its fetch, so cancel the
    // reader.
    const cancel = () => this.#reader.cancel().catch(() => {}); // the body has already failed
    onAbort(request.signal, () => void cancel());
  }

  /**
   * Fills the start of `block` with up to `limit` bytes and returns their number; 0 is the end of the body.
   * When it throws, the memory of `block` may be lost. Bytes of earlier reads are never lost.
   */
  async read(block: Block, limit: number): Promise<number> {
    if (!this.#isThrottled && this.#options.throttle.isSet) this.#slowDown();
    this.#isReading = true;
    this.#watch();
    try {
      return await this.#fill(block, limit);
    } catch (error) {
      const late = `the connection was silent for ${this.#options.readTimeoutMs / 1000} s`;
      throw this.#request.explain(error, { broken: "the connection broke", late });
    } finally {
      this.#isReading = false;
      this.#watch();
    }
  }

  /**
   * Reads the end of the body after the last wanted byte, so that the connection can serve the next request.
   * Returns whether the body ended there; if not, the connection is closed.
   */
  async finish(): Promise<boolean> {
    this.#request.watchdog.arm(Math.min(END_TIMEOUT_MS, this.#options.readTimeoutMs));
    try {
      const isAtEnd = await this.#fill({ bytes: new Uint8Array(1) }, 1) === 0;
      if (isAtEnd) this.#request.end();
      else this.close();
      return isAtEnd;
    } catch {
      this.close(); // all wanted bytes have arrived
      return false;
    }
  }

  /** Ends the request. Unread bytes are lost. */
  close(): void {
    this.#request.abort();
  }

  async #fill(block: Block, limit: number): Promise<number> {
    const length = await this.#take(block, limit);
    // A cancelled body looks like a body that has ended.
    if (length === 0) this.#request.signal.throwIfAborted();
    return length;
  }

  async #take(block: Block, limit: number): Promise<number> {
    if (this.#reader instanceof ReadableStreamBYOBReader) {
      const { value } = await this.#reader.read(block.bytes.subarray(0, limit));
      if (value === undefined) return 0;
      block.bytes = new Uint8Array(value.buffer);
      return value.length;
    }
    while (this.#surplus.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return 0;
      this.#surplus = value;
    }
    const length = Math.min(limit, this.#surplus.length);
    block.bytes.set(this.#surplus.subarray(0, length));
    this.#surplus = this.#surplus.subarray(length);
    return length;
  }

  /** Inserts the rate limit between the network and the reader, also in the middle of a body. */
  #slowDown(): void {
    this.#isThrottled = true;
    this.#reader.releaseLock();
    const throttle = this.#options.throttle.transform(
      this.#request.signal,
      (isDelayed) => this.#noteDelay(isDelayed),
    );
    this.#stream = this.#stream.pipeThrough(throttle);
    this.#reader = this.#stream.getReader();
  }

  #noteDelay(isDelayed: boolean): void {
    this.#isDelayed = isDelayed;
    this.#watch();
  }

  /** The timeout runs only during a read, and not while the rate limit delays the body. */
  #watch(): void {
    if (this.#isReading && !this.#isDelayed) this.#request.watchdog.arm(this.#options.readTimeoutMs);
    else this.#request.watchdog.disarm();
  }
}

const NOTHING = new Uint8Array(0);

/** A reader that fills our own memory (BYOB) if the runtime has one. */
function acquireReader(stream: Stream): Reader {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return stream.getReader();
  }
}
