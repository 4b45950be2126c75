import { DownloadError } from "../errors.ts";
import type { DownloadState, ProgressSnapshot } from "../types.ts";

/** The state in which a download ends. */
export type FinalState = Extract<DownloadState, "completed" | "failed" | "cancelled" | "paused">;

interface Waiting {
  readonly kind: "waiting";
}

interface Running {
  readonly kind: "running";
  readonly stop: AbortController;
  /** Fulfils when every file is closed. */
  readonly closed: Promise<void>;
}

/** A stop was requested, and the download has not ended yet. */
interface Stopping {
  readonly kind: "stopping";
  readonly reason: unknown;
  /** Aborts the wait after which the handle settles before the download ends. */
  readonly grace: AbortController;
  readonly isDiscarded: boolean;
  readonly closed: Promise<void>;
}

/** The outcome is known. Files may still be open. */
interface Settled {
  readonly kind: "settled";
  readonly state: FinalState;
  /** The last one. What is saved or removed later changes nothing about it. */
  readonly snapshot: ProgressSnapshot;
  readonly isDiscarded: boolean;
  readonly closed: Promise<void>;
}

/** The phase of a handle, with the data that only this phase has. */
export type Phase = Waiting | Running | Stopping | Settled;

/** One object for all waiting downloads, because there may be very many. */
export const WAITING: Waiting = { kind: "waiting" };
/** The value of `closed` for a download that never opened a file. */
export const NOTHING_OPEN = Promise.resolve();

/** The state of a download that was stopped for `reason`. */
export function stoppedState(reason: unknown): FinalState {
  return reason instanceof DownloadError && reason.code === "paused" ? "paused" : "cancelled";
}
