import type { CliHost } from "../../runtime/console/console.ts";

/** A terminal's Ctrl+C reaches a wrapper such as npx as well, and that passes it on. */
const ECHO_MS = 500;

/** What is done at signals that ask the program to end. */
export interface StopActions {
  /** Once. */
  readonly first: () => void;
  /** At every later one that is no echo of the first, nor tells once more that the terminal was closed. */
  readonly again: () => void;
}

/** Listens for such signals until the result is called. `now` is a monotonic clock in milliseconds. */
export function onStopSignals(
  host: Pick<CliHost, "onSignal">,
  now: () => number,
  { first, again }: StopActions,
): () => void {
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
