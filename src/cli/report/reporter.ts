import type { DownloadResult, LogLevel } from "../../types.ts";
import type { Failure } from "../run/failure.ts";
import type { Job } from "../run/job.ts";

/** How much is reported. */
export interface Verbosity {
  /** Nothing but results and errors. */
  readonly quiet: boolean;
  /** Also what the downloader logs. */
  readonly verbose: boolean;
}

/** Reports to the user, or to a program, how the downloads proceed. */
export interface Reporter {
  /** A message of the downloader. */
  log(level: LogLevel, message: string): void;
  /** Called once, when those of the command line were started; `total` is how many there are, once that is known. */
  start(total: () => number | undefined): void;
  /** Follows one download from its start; resolves when it needs no more following, and never rejects. */
  follow(job: Job): Promise<void>;
  finished(job: Job, result: DownloadResult): void;
  failed(job: Job, failure: Failure): void;
  /** Its file existed, which counts as done. */
  skipped(job: Job): void;
  /** Something that concerns no single download failed. */
  fault(text: string): void;
  /** All downloads have ended. */
  stop(): void;
}
