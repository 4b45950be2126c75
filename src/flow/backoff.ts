import type { Clock } from "../runtime/runtime.ts";

/** Delays and limits of retries. */
export interface RetryPolicy {
  readonly maxRetries: number;
  readonly retryBaseDelayMs: number;
  readonly retryMaxDelayMs: number;
  readonly maxRetryElapsedMs: number;
}

/**
 * Milliseconds before retry number `attempt` (the first is 0): exponential with full jitter, at least the
 * delay that the server requested, and at most the longest delay.
 */
export function backoffMs(
  policy: RetryPolicy,
  attempt: number,
  retryAfterMs: number,
  random: () => number,
): number {
  // An unbounded exponent becomes Infinity, and Infinity times 0 is NaN.
  const doublings = Math.min(attempt, 31);
  const ceiling = Math.min(policy.retryMaxDelayMs, policy.retryBaseDelayMs * 2 ** doublings);
  return Math.max(random() * ceiling, Math.min(retryAfterMs, policy.retryMaxDelayMs));
}

/** Counts failures since the last progress, for one connection. */
export class RetryBudget {
  readonly #policy: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #firstFailureMs = 0;

  constructor(policy: RetryPolicy, clock: Clock, random: () => number = Math.random) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
  }

  /** Failures since the last progress. */
  get failures(): number {
    return this.#failures;
  }

  /** Resets the count, because data arrived. */
  progress(): void {
    this.#failures = 0;
  }

  /** Counts a failure. Returns the milliseconds to wait, or `undefined` when the budget is spent. */
  fail(retryAfterMs = 0): number | undefined {
    const now = this.#clock.monotonicMs();
    if (this.#failures === 0) this.#firstFailureMs = now;
    const attempt = this.#failures++;
    if (attempt >= this.#policy.maxRetries) return undefined;
    const delayMs = backoffMs(this.#policy, attempt, retryAfterMs, this.#random);
    const elapsedMs = now + delayMs - this.#firstFailureMs;
    return elapsedMs > this.#policy.maxRetryElapsedMs ? undefined : delayMs;
  }
}
