import type { Clock } from "./runtime.ts";
import { onAbort } from "../lib/on_abort.ts";

/** The time of this machine. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
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
