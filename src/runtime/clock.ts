import { clearTimeout, setTimeout } from "node:timers";
import { onAbort } from "../lib/on_abort.ts";
import type { Clock } from "./runtime.ts";

/** A program may replace the global ones later, as tests with fake timers do. */
const monotonicMs = performance.now.bind(performance);
const { now: wallMs } = Date;

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
