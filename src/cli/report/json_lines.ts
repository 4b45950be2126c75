import type { VerifyResult } from "../../../mod.ts";
import type { DownloadErrorCode } from "../../errors.ts";
import type { DownloadResult, LogLevel, ProgressSnapshot } from "../../types.ts";

/** Which download a line is about. */
export interface JsonSubject {
  /** The URL as given, without user name, password, query and fragment; of several for one file, the one in use. */
  readonly url?: string;
  /** Counts from 0 on the command line and then in the list, so that URLs differ that have the same text without query. */
  readonly index: number;
  /** Its line in the list, from 1. */
  readonly line?: number;
}

/**
 * At most ten a second for each download. What is not known is absent, and so is `retry` while no failed request waits
 * to be sent again; milliseconds are whole.
 */
export type JsonProgress = { readonly type: "progress" } & JsonSubject & ProgressSnapshot;

/** A finished download. */
export type JsonResult = { readonly type: "result" } & JsonSubject & DownloadResult;

/** A download that did not finish. */
export interface JsonError extends JsonSubject {
  readonly type: "error";
  /** `usage` is a wrong option that was found only once the file's name was known; `internal` is a bug. */
  readonly code: DownloadErrorCode | "usage" | "internal";
  readonly message: string;
  /** Where the file would be, if that was known. */
  readonly path?: string;
  /** The HTTP status that the server answered, if that is why. */
  readonly status?: number;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
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

/** With `verify`: how far a file is checked, in bytes; at most ten a second. */
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

/** What `--json` writes to standard output: one of these on each line. */
export type JsonLine =
  | JsonProgress
  | JsonResult
  | JsonError
  | JsonSkipped
  | JsonLog
  | JsonVerifyProgress
  | JsonVerifyResult
  | JsonVerifyError;

/** One line with its end. Control and format characters are escaped, so that a terminal obeys none. */
export function encodeJsonLine(line: JsonLine): string {
  const json = JSON.stringify(line).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits);
  return `${json}\n`;
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
