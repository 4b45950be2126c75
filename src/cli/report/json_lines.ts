import type { VerifyResult } from "../../../mod.ts";
import type { DownloadErrorCode } from "../../errors.ts";
import type { DownloadResult, LogLevel, ProgressSnapshot } from "../../types.ts";

/** The download that a line is about. */
export interface JsonSubject {
  /**
   * The URL as given, without user name, password, query and fragment. If a file has several URLs, it is the one in
   * use.
   */
  readonly url?: string;
  /**
   * Counts from 0, first on the command line and then in the list. It distinguishes URLs that differ only in their
   * query.
   */
  readonly index: number;
  /** The download's line in the list, from 1. */
  readonly line?: number;
}

/**
 * At most ten a second for each download. Unknown values are absent. `retry` is absent while no retry is pending.
 * Milliseconds are whole numbers.
 */
export type JsonProgress = { readonly type: "progress" } & JsonSubject & ProgressSnapshot;

/** A completed download. */
export type JsonResult = { readonly type: "result" } & JsonSubject & DownloadResult;

/** A download that did not complete. */
export interface JsonError extends JsonSubject {
  readonly type: "error";
  /** `usage` is a wrong option that was found only once the file's name was known; `internal` is a bug. */
  readonly code: DownloadErrorCode | "usage" | "internal";
  readonly message: string;
  /** The path that the file would have had, if it was known. */
  readonly path?: string;
  /** The HTTP status that caused the failure, if one did. */
  readonly status?: number;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
}

/** Wrong usage of the command. Nothing was started. */
export interface JsonUsageError extends Pick<JsonError, "type" | "message" | "retryable"> {
  readonly code: "usage";
}

/** A download whose file existed already, with `--skip-existing`. */
export interface JsonSkipped extends JsonSubject {
  readonly type: "skipped";
  readonly path?: string;
}

/** A message of the logger, with `--verbose`. */
export interface JsonLog {
  readonly type: "log";
  readonly level: LogLevel;
  readonly message: string;
}

/** With `verify`: the progress in one file in bytes; at most ten a second. */
export interface JsonVerifyProgress {
  readonly type: "progress";
  readonly path: string;
  readonly checked: number;
  readonly total: number;
}

/** With `verify`: a file that was checked; `matches` is the outcome. */
export type JsonVerifyResult = { readonly type: "result" } & VerifyResult;

/** With `verify`: a file, or the list of all files, that could not be checked. */
export interface JsonVerifyError extends Pick<JsonError, "type" | "code" | "message" | "retryable"> {
  readonly path: string;
}

/** A line that `--json` writes to standard output. */
export type JsonLine =
  | JsonProgress
  | JsonResult
  | JsonError
  | JsonUsageError
  | JsonSkipped
  | JsonLog
  | JsonVerifyProgress
  | JsonVerifyResult
  | JsonVerifyError;

/** One line with its end. Control and format characters are escaped, so that none acts on a terminal. */
export function encodeJsonLine(line: JsonLine): string {
  const json = JSON.stringify(line).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits);
  return `${json}\n`;
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
