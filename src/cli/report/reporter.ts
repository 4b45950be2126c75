import type { DownloadResult, LogLevel } from "../../types.ts";
import type { Failure } from "../run/failure.ts";
import type { Job } from "../run/job.ts";

/** How much to tell. */
export interface Verbosity {
  /** Nothing but results and errors. */
  readonly quiet: boolean;
  /** Also what the downloader logs. */
  readonly verbose: boolean;
}

/** Tells the user, or a program, how the downloads go. */
export interface Reporter {
  /** A message of the downloader. */
  log(level: LogLevel, message: string): void;
  /** Called once, when those of the command line have begun; `total` tells how many downloads there are, once that is known. */
  start(total: () => number | undefined): void;
  /** Follows one download from its begin; resolves when there is nothing more to follow, and never rejects. */
  follow(job: Job): Promise<void>;
  finished(job: Job, result: DownloadResult): void;
  failed(job: Job, failure: Failure): void;
  /** Its file was there, which counts as done. */
  skipped(job: Job): void;
  /** Something that concerns no single download failed. */
  fault(text: string): void;
  /** Nothing is going on any more. */
  stop(): void;
}
