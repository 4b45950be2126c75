import type { Clock } from "../../runtime/runtime.ts";

/** What {@linkcode growWhileFaster} works with. */
export interface GrowthOptions {
  readonly clock: Clock;
  /** Bytes that were received so far. */
  readonly fetched: () => number;
  readonly connections: () => number;
  /**
   * How many connections may be added. It is 0 once the server refused one, a speed limit is set, or no lease is
   * left.
   */
  readonly room: () => number;
  readonly add: (connections: number) => void;
}

/** New connections need this long to reach their rate. */
const SETTLE_MS = 500;
const MEASURE_MS = 1000;
/** A smaller gain is noise. */
const LEAST_GAIN = 1.1;

/** Doubles the connections while that makes the transfer faster. Ends with the signal. */
export async function growWhileFaster(options: GrowthOptions, signal: AbortSignal): Promise<void> {
  const { clock, fetched, connections, room, add } = options;
  try {
    for (let rate = 0;;) {
      await clock.sleep(SETTLE_MS, signal);
      const before = fetched();
      await clock.sleep(MEASURE_MS, signal);
      const measured = fetched() - before;
      const more = Math.min(connections(), room());
      if (more <= 0 || measured < rate * LEAST_GAIN) return;
      rate = measured;
      add(more);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
