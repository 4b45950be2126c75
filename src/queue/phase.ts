import { DownloadError } from "../errors.ts";
import type { DownloadState, ProgressSnapshot } from "../types.ts";

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
  /** The last one. What is saved or removed later changes nothing about it. */
  readonly snapshot: ProgressSnapshot;
  readonly isDiscarded: boolean;
  readonly closed: Promise<void>;
}

/** Where a handle stands, with what it has only then. */
export type Phase = Waiting | Running | Stopping | Settled;

/** One object for all that wait, as very many may. */
export const WAITING: Waiting = { kind: "waiting" };
/** For `closed`, where no file was ever opened. */
export const NOTHING_OPEN = Promise.resolve();

/** How a download ends that was stopped for `reason`. */
export function stoppedState(reason: unknown): FinalState {
  return reason instanceof DownloadError && reason.code === "paused" ? "paused" : "cancelled";
}
