import type { Clock } from "./runtime.ts";
import { onAbort } from "../lib/on_abort.ts";

/** Whoever replaces the global functions later, such as a test with fake timers, changes nothing here. */
const { setTimeout, clearTimeout } = globalThis;
const { now: wallMs } = Date;
const monotonicMs = performance.now.bind(performance);

/** The time of this machine. */
export const systemClock: Clock = {
  monotonicMs,
  wallMs,
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    using _stopping = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason);
    });
    await promise;
  },
};
