import type { DownloadResult, LogLevel } from "../../types.ts";
import type { Failure } from "../run/failure.ts";
import type { Job } from "../run/job.ts";

/** How much the command reports. */
export interface Verbosity {
  /** Only results and errors. */
  readonly quiet: boolean;
  /** Also the downloader's log messages. */
  readonly verbose: boolean;
}

/** Reports to the user, or to a program, how the downloads proceed. */
export interface Reporter {
  /** A message of the downloader. */
  log(level: LogLevel, message: string): void;
  /**
   * Called once, when the downloads of the command line were started. `total` is the number of all downloads, once
   * it is known.
   */
  start(total: () => number | undefined): void;
  /** Reports one download from its start. Resolves when nothing is left to report about it. Never rejects. */
  follow(job: Job): Promise<void>;
  finished(job: Job, result: DownloadResult): void;
  failed(job: Job, failure: Failure): void;
  /** The download's file existed, which counts as done. */
  skipped(job: Job): void;
  /** A failure that does not concern a single download. */
  fault(text: string): void;
  /** All downloads have ended. */
  stop(): void;
}
