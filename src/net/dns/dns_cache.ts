import type { Clock } from "../../runtime/runtime.ts";
import { unlessAborted } from "../../lib/waiting.ts";

const MAX_NAMES = 1000;
const MAX_TTL_SECONDS = 24 * 60 * 60;

/** Addresses and how long they hold. */
export interface FoundAddresses {
  readonly addresses: readonly string[];
  /** With 0 they are for those who asked, and not kept. */
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

/** Remembers addresses for as long as they hold, and asks once for all who want the same name at one time. */
export class DnsCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #open = new Map<string, OpenQuestion>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is remembered of a name, or what `ask` finds. Its signal is aborted when nobody waits any more. */
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
        // The next look-up sends new questions.
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
