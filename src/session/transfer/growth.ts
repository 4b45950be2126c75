import type { Clock } from "../../runtime/runtime.ts";

/** What decides on the number of connections. */
export interface GrowthOptions {
  readonly clock: Clock;
  /** Bytes that came so far. */
  readonly fetched: () => number;
  readonly connections: () => number;
  /** How many more there may be: 0 once the server refused one, a limit is set, or nothing is left to hand out. */
  readonly room: () => number;
  readonly add: (connections: number) => void;
}

/** New connections get up to speed before they are judged. */
const SETTLE_MS = 500;
const MEASURE_MS = 1000;
/** Less than this is noise. */
const LEAST_GAIN = 1.1;

/** Doubles the connections for as long as that makes the whole faster. Ends with the signal, and never rejects. */
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
  } catch {
    // The transfer is over.
  }
}
