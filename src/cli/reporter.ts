import type { DownloadResult, LogLevel } from "../types.ts";
import type { Failure } from "./failure.ts";
import type { Job } from "./job.ts";

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
  /** Called once, with all downloads. */
  start(jobs: readonly Job[]): void;
  /** Follows one download; resolves when there is nothing more to follow, and never rejects. */
  follow(job: Job): Promise<void>;
  finished(job: Job, result: DownloadResult): void;
  failed(job: Job, failure: Failure): void;
  /** Nothing is going on any more. */
  stop(): void;
}
