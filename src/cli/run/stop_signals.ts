import type { CliHost } from "../../runtime/console/console.ts";

/** Ctrl+C in a terminal also reaches a wrapper such as npx, which then sends the signal to this program again. */
const ECHO_MS = 500;

/** What to do at signals that end the program. */
export interface StopActions {
  /** Called at the first signal. */
  readonly first: () => void;
  /**
   * Called at every later signal, except for an echo of the first one. A later SIGHUP is ignored, too, as a terminal
   * may send it twice.
   */
  readonly again: () => void;
}

/** Listens for these signals until the result is called. */
export function onStopSignals(
  host: Pick<CliHost, "onSignal" | "clock">,
  { first, again }: StopActions,
): () => void {
  const now = () => host.clock.monotonicMs();
  let firstMs: number | undefined;
  return host.onSignal(["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"], (signal) => {
    if (firstMs === undefined) {
      firstMs = now();
      first();
    } else if (signal !== "SIGHUP" && now() - firstMs > ECHO_MS) {
      again();
    }
  });
}
