import type { CliHost } from "../../runtime/console/console.ts";

/** A terminal's Ctrl+C reaches a wrapper such as npx as well, which sends it to this program again. */
const ECHO_MS = 500;

/** What is done at signals that ask the program to end. */
export interface StopActions {
  /** At the first signal. */
  readonly first: () => void;
  /** At every later signal but an echo of the first, and but a SIGHUP, which a terminal may send twice. */
  readonly again: () => void;
}

/** Listens for such signals until the result is called. */
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
