import type { Clock } from "../../runtime/runtime.ts";
import { unlessAborted } from "../../lib/waiting.ts";

const MAX_NAMES = 1000;
const MAX_TTL_SECONDS = 24 * 60 * 60;

/** Addresses and how long they are valid. */
export interface FoundAddresses {
  readonly addresses: readonly string[];
  /** With 0 they are returned to the current callers and not cached. */
  readonly ttlSeconds: number;
}

interface Kept {
  readonly addresses: readonly string[];
  readonly untilMs: number;
}

interface OpenQuestion {
  readonly found: Promise<readonly string[]>;
  readonly stop: AbortController;
  askers: number;
}

/** Caches addresses while they are valid. Simultaneous callers for one name share one query. */
export class DnsCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #open = new Map<string, OpenQuestion>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The cached addresses of a name, or the result of `ask`. The signal of `ask` is aborted when no caller
   * waits any more.
   */
  async find(
    name: string,
    ask: (signal: AbortSignal) => Promise<FoundAddresses>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    signal.throwIfAborted();
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.untilMs > this.#clock.monotonicMs()) return kept.addresses;
    const question = this.#open.get(name) ?? this.#start(name, ask);
    question.askers++;
    try {
      return await unlessAborted(question.found, signal);
    } finally {
      if (--question.askers === 0) {
        // Later callers start a new query.
        if (this.#open.get(name) === question) this.#open.delete(name);
        question.stop.abort();
      }
    }
  }

  #start(name: string, ask: (signal: AbortSignal) => Promise<FoundAddresses>): OpenQuestion {
    const stop = new AbortController();
    const found = ask(stop.signal).then(({ addresses, ttlSeconds }) => {
      this.#keep(name, addresses, Math.min(ttlSeconds, MAX_TTL_SECONDS));
      return addresses;
    });
    const question: OpenQuestion = { found, stop, askers: 0 };
    this.#open.set(name, question);
    return question;
  }

  #keep(name: string, addresses: readonly string[], ttlSeconds: number): void {
    this.#kept.delete(name);
    if (ttlSeconds <= 0) return;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_NAMES && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(name, { addresses, untilMs: this.#clock.monotonicMs() + ttlSeconds * 1000 });
  }
}
