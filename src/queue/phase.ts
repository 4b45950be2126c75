import { DownloadError } from "../errors.ts";
import type { DownloadState } from "../types.ts";

/** How a download ends. */
export type FinalState = Extract<DownloadState, "completed" | "failed" | "cancelled" | "paused">;

interface Waiting {
  readonly kind: "waiting";
}

interface Running {
  readonly kind: "running";
  readonly stop: AbortController;
  /** Fulfils once every file is closed. */
  readonly closed: Promise<void>;
}

/** A stop was requested, and the work has not ended yet. */
interface Stopping {
  readonly kind: "stopping";
  readonly reason: unknown;
  /** Ends the wait after which the handle settles without the work. */
  readonly grace: AbortController;
  readonly isDiscarded: boolean;
  readonly closed: Promise<void>;
}

/** The outcome is known. Files may still be open. */
interface Settled {
  readonly kind: "settled";
  readonly state: FinalState;
  readonly endedMs: number;
  readonly isDiscarded: boolean;
  readonly closed: Promise<void>;
}

/** The phase of a handle, with the data that exists only in that phase. */
export type Phase = Waiting | Running | Stopping | Settled;

/** All waiting handles share this object, as there may be very many. */
export const WAITING: Waiting = { kind: "waiting" };
/** The value of `closed` where no file was ever opened. */
export const NOTHING_OPEN = Promise.resolve();

/** The final state of a download that was stopped for `reason`. */
export function stoppedState(reason: unknown): FinalState {
  return reason instanceof DownloadError && reason.code === "paused" ? "paused" : "cancelled";
}
