import type { HttpStatusError } from "../../errors.ts";
import { WaitList } from "../../lib/wait_list.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { Logger } from "../../types.ts";

/** What a {@linkcode ServerLoad} works with. */
export interface ServerLoadOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How many connections there may be at most. */
  readonly maxConnections: number;
  /** The most bytes of one request. */
  readonly maxSegmentSize: number;
  /** The longest delay that a server may request. */
  readonly maxQuietMs: number;
  /** Whether the server sends ranges, as far as its first response shows. */
  readonly acceptsRanges: boolean;
  readonly source: { closeIdle(): void };
  readonly progress: { readonly fetched: number };
}

/** How long after a refusal another one does not count again. */
const REFUSAL_WINDOW_MS = 1000;
/** The delay before a connection returns after a temporary refusal. It doubles with each further refusal. */
const RETURN_MS = 1000;
const MAX_RETURN_MS = 30_000;

/** The limits of one server: how many connections, how long ranges, and when to send requests. */
export class ServerLoad {
  readonly #options: ServerLoadOptions;
  #connections = 0;
  #connectionLimit: number;
  /** When the next request may be sent. */
  #notBeforeMs = -Infinity;
  /** When the next connection may return. */
  #noReturnBeforeMs = -Infinity;
  #nextReductionMs = -Infinity;
  #usesRanges: boolean;
  #maxSegmentSize: number;
  #servedBytes = 0;
  #hasServedMiddle = false;
  /** Connections that may return. */
  #returnable = 0;
  /** How many times a connection left. */
  #retirements = 0;
  /** What had been fetched when a connection last left or returned. */
  #fetchedAtChange = 0;
  #wereOthersRefused = false;
  readonly #retired = new WaitList<void>();

  constructor(options: ServerLoadOptions) {
    this.#options = options;
    this.#connectionLimit = options.maxConnections;
    this.#usesRanges = options.acceptsRanges;
    this.#maxSegmentSize = options.maxSegmentSize;
  }

  /** Connections that have not been retired. */
  get connections(): number {
    return this.#connections;
  }

  /** Whether there is more than one connection. */
  get hasOthers(): boolean {
    return this.#connections > 1;
  }

  /** Whether there are more connections than the server serves. */
  get hasTooMany(): boolean {
    return this.#connections > this.#connectionLimit;
  }

  /** How many connections may be added: 0 once the server refused one. */
  get room(): number {
    const { maxConnections } = this.#options;
    const wasRefused = this.#connectionLimit < maxConnections || !this.#usesRanges;
    return wasRefused ? 0 : maxConnections - this.#connections;
  }

  /** Whether extra connections were refused for good. */
  get wereOthersRefused(): boolean {
    return this.#wereOthersRefused;
  }

  /** How many times a connection was retired. */
  get retirements(): number {
    return this.#retirements;
  }

  /** Whether requests are for ranges, and not for the complete file. */
  get usesRanges(): boolean {
    return this.#usesRanges;
  }

  /** The most bytes of one request. */
  get maxSegmentSize(): number {
    return this.#maxSegmentSize;
  }

  /** The longest range that was served. */
  get servedBytes(): number {
    return this.#servedBytes;
  }

  /** Whether the server has sent something from the middle of the file. */
  get hasServedMiddle(): boolean {
    return this.#hasServedMiddle;
  }

  noteServed(bytes: number): void {
    this.#servedBytes = Math.max(this.#servedBytes, bytes);
  }

  noteServedMiddle(): void {
    this.#hasServedMiddle = true;
  }

  /** Counts a new connection. */
  addConnection(): void {
    this.#connections++;
  }

  /** Removes a connection. After a temporary refusal it may return later. */
  retire(mayReturn: boolean): void {
    this.#connections--;
    this.#retirements++;
    if (!mayReturn) {
      this.#wereOthersRefused = true;
      this.#options.source.closeIdle();
      // The length of its range was not the reason.
      this.#maxSegmentSize = this.#options.maxSegmentSize;
      return;
    }
    this.#returnable++;
    this.#fetchedAtChange = this.#options.progress.fetched;
    this.#retired.wakeAll();
  }

  /** Waits until requests may be sent to the server again. */
  async waitUntilReady(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#notBeforeMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  /**
   * Notes that the server is overloaded (429, 503). If it refuses a returning connection, only the next return is
   * delayed, because the server serves the others. Any other refusal halves the connections and delays all requests.
   */
  noteOverload({ retryAfterMs = 0 }: HttpStatusError, isReturning: boolean): void {
    const { clock, log, maxQuietMs } = this.#options;
    const now = clock.monotonicMs();
    const quietMs = Math.min(retryAfterMs, maxQuietMs);
    if (isReturning && this.hasOthers) {
      this.#noReturnBeforeMs = now + quietMs;
      return;
    }
    this.#notBeforeMs = Math.max(this.#notBeforeMs, now + quietMs);
    if (now < this.#nextReductionMs) return;
    this.#nextReductionMs = now + Math.max(quietMs, REFUSAL_WINDOW_MS);
    this.#connectionLimit = Math.max(1, Math.ceil(Math.min(this.#connectionLimit, this.#connections) / 2));
    log("info", `the server is overloaded; continuing with ${this.#connectionLimit} connections`);
  }

  /**
   * Lets connections return one by one while the server serves the others. `start` starts a connection, which
   * `addConnection` counts. If no bytes arrive, no connection returns, because it could make the last connection
   * fail. Ends with the signal.
   */
  async restoreConnections(hasWork: () => boolean, start: () => void, signal: AbortSignal): Promise<void> {
    const { clock, log, progress } = this.#options;
    try {
      for (let delayMs = RETURN_MS;;) {
        if (this.#returnable === 0) await this.#retired.wait(signal);
        const notBeforeMs = Math.max(this.#notBeforeMs, this.#noReturnBeforeMs);
        await clock.sleep(Math.max(delayMs, notBeforeMs - clock.monotonicMs()), signal);
        if (!this.#usesRanges || !hasWork() || progress.fetched <= this.#fetchedAtChange) continue;
        const before = this.#retirements;
        this.#returnable--;
        this.#fetchedAtChange = progress.fetched;
        this.#connectionLimit = Math.max(this.#connectionLimit, this.#connections + 1);
        start();
        log("info", `one more connection is tried; there are ${this.#connections} now`);
        await clock.sleep(RETURN_MS, signal);
        delayMs = this.#retirements > before ? Math.min(delayMs * 2, MAX_RETURN_MS) : RETURN_MS;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Limits the length of ranges, because a longer one was refused. */
  shorten(bytes: number): void {
    this.#maxSegmentSize = Math.min(this.#maxSegmentSize, bytes);
    this.#options.log("info", `a long range was refused; requesting ${bytes} bytes at most`);
  }

  /** From now on, one connection requests the complete file. */
  requestWholeFile(): void {
    this.#usesRanges = false;
    this.#connectionLimit = 1;
  }
}
