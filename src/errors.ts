import { redact } from "./redact.ts";
import type { ChecksumSource } from "./types.ts";

/** Kinds of {@linkcode DownloadError}. */
export type DownloadErrorCode =
  | "bad_response"
  | "cancelled"
  | "checksum_list"
  | "checksum_mismatch"
  | "connect"
  | "control_file"
  | "disk_full"
  | "dns"
  | "http_status"
  | "network"
  | "output_exists"
  | "output_locked"
  | "paused"
  | "proxy"
  | "redirect"
  | "remote_changed"
  | "storage"
  | "timeout"
  | "tls";

/** An option that may help after a failure, and the words around it. */
export interface Remedy {
  /** The words before `how`, with a space at their end. */
  readonly before?: string;
  /** Names of the options that may help; one is enough. */
  readonly options: readonly string[];
  /** What to do with the options. */
  readonly how: string;
  /** The words after `how`, with a space at their start. */
  readonly after?: string;
}

/** The end of a message with a remedy. */
export function remedyText({ before = "", how, after = "" }: Remedy): string {
  return `; ${before}${how}${after}`;
}

/** Settings of a {@linkcode DownloadError}. */
export interface DownloadErrorOptions extends ErrorOptions {
  /**
   * Whether the same request may succeed later.
   *
   * @default {false}
   */
  readonly retryable?: boolean;
  /**
   * What went wrong, in a few words that fit into a sentence. The message also says what could not be done.
   *
   * @default {message}
   */
  readonly reason?: string;
  /** An option that may help. The message ends with the remedy. */
  readonly remedy?: Remedy;
}

/**
 * Why a download did not complete. Every failure is a `DownloadError`, except a misuse of an option (an
 * `OptionError`). `code` says which kind of failure.
 *
 * @example Telling failures apart
 * ```ts
 * import { DownloadError } from "@bytehaul/bytehaul";
 *
 * function advice(error: unknown): string {
 *   if (!(error instanceof DownloadError)) return "a bug";
 *   return error.code === "disk_full" ? "free some space and try again" : error.message;
 * }
 * ```
 */
export class DownloadError extends Error {
  /** The name of the class. */
  override readonly name: string = "DownloadError";
  /** The kind of failure. */
  readonly code: DownloadErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** What went wrong, in a few words that fit into a sentence. The message also says what could not be done. */
  readonly reason: string;
  /** An option that may help. The message ends with the remedy. */
  readonly remedy: Remedy | undefined;

  /** Makes an error of the kind `code`. */
  constructor(code: DownloadErrorCode, message: string, options: DownloadErrorOptions = {}) {
    const { remedy, retryable = false } = options;
    super(remedy === undefined ? message : message + remedyText(remedy), options);
    this.code = code;
    this.retryable = retryable;
    this.reason = options.reason ?? message;
    this.remedy = remedy;
  }
}

/** The runtime forbids what a request needs. Another try would fail as well. */
export class PermissionError extends DownloadError {
  constructor(message: string, reason?: string) {
    super("network", message, { ...(reason !== undefined && { reason }) });
  }
}

/** The server answered with a status that is not a success (RFC 9110, section 15). */
export class HttpStatusError extends DownloadError {
  /** The name of the class. */
  override readonly name = "HttpStatusError";
  /** The status code. */
  readonly status: number;
  /** Milliseconds to wait, as requested by the server (`Retry-After`), or `undefined` without this field. */
  readonly retryAfterMs: number | undefined;

  /** Makes an error for `status`. */
  constructor(
    status: number,
    message: string,
    options: DownloadErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super("http_status", message, options);
    this.status = status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The file on the server is no longer the version that was being fetched. Data on disk is kept. */
export class RemoteChangedError extends DownloadError {
  /** The name of the class. */
  override readonly name = "RemoteChangedError";

  /** Makes an error whose message says what changed. */
  constructor(message: string, options: DownloadErrorOptions = {}) {
    super("remote_changed", message, options);
  }
}

/** Facts about a file that failed its checksum. */
export interface ChecksumMismatchDetails extends ErrorOptions {
  /** Path of the output, which the file did not get. */
  readonly path?: string;
  /** URL of the file. User, password, query and fragment are removed from it. */
  readonly url?: string;
  /** Where the expected checksum comes from. */
  readonly source?: ChecksumSource;
  /** Host and port of the server that published the checksum. */
  readonly host?: string;
  /** Path where the file is kept. */
  readonly keptPath?: string;
}

/** The file was fetched completely, but does not match its checksum. */
export class ChecksumMismatchError extends DownloadError {
  /** The name of the class. */
  override readonly name = "ChecksumMismatchError";
  /** The expected checksum, as `algorithm:hex`. */
  readonly expected: string;
  /** The checksum of the received file, as `algorithm:hex`. */
  readonly actual: string;
  /** Path of the output, which the file did not get. */
  readonly path: string | undefined;
  /** URL of the file, without user, password, query and fragment. */
  readonly url: string | undefined;
  /** Where the expected checksum comes from. */
  readonly source: ChecksumSource | undefined;
  /** Host and port of the server that published the checksum, or `undefined` if none did. */
  readonly host: string | undefined;
  /** Path where the file is kept, or `undefined` when it was removed. No later run resumes from this file. */
  readonly keptPath: string | undefined;

  /** Makes an error with both checksums. */
  constructor(expected: string, actual: string, details: ChecksumMismatchDetails = {}) {
    const { path, source, host, keptPath, cause } = details;
    const url = details.url === undefined ? undefined : redact(details.url);
    super("checksum_mismatch", describeMismatch(expected, actual, { ...details, url }), {
      cause,
    });
    this.expected = expected;
    this.actual = actual;
    this.path = path;
    this.url = url;
    this.source = source;
    this.host = host;
    this.keptPath = keptPath;
  }
}

type Mismatch = Pick<ChecksumMismatchDetails, "path" | "url" | "source" | "host" | "keptPath">;

/** Words for the checksum options in a message. */
export interface ChecksumWords {
  readonly checksum: string;
  readonly checksumFile: string;
  /** How to ignore the digests of servers. */
  readonly withoutPublished: string;
}

const OPTION_WORDS: ChecksumWords = {
  checksum: "option checksum",
  checksumFile: "option checksumFile",
  withoutPublished: "turn publishedDigest off",
};

/** The message of a {@linkcode ChecksumMismatchError}. */
export function describeMismatch(
  expected: string,
  actual: string,
  mismatch: Mismatch,
  words: ChecksumWords = OPTION_WORDS,
): string {
  const { path, url, keptPath } = mismatch;
  const what = path === undefined ? "" : ` "${path}"`;
  const from = url === undefined ? "" : ` of what came from ${url}`;
  const kept = keptPath === undefined ? "" : `; it is kept as "${keptPath}"`;
  return `Cannot finish${what}: the checksum${from} is ${actual}, expected ${expected}${
    describeOrigin(mismatch, words)
  }${kept}`;
}

function describeOrigin({ source, host }: Mismatch, words: ChecksumWords): string {
  if (source === undefined) return "";
  if (source === "checksum") return `, as ${words.checksum} says`;
  if (source === "checksumFile") return `, as ${words.checksumFile} says`;
  const server = host ?? "the server";
  return `, as ${server} says in ${source}; if that is out of date, ${words.withoutPublished}`;
}

/** The control file cannot be used. Nothing on disk was changed. */
export class ControlFileError extends DownloadError {
  /** The name of the class. */
  override readonly name = "ControlFileError";
  /** Path of the control file. */
  readonly path: string;

  /** Makes an error about the control file at `path`. */
  constructor(path: string, message: string, options: DownloadErrorOptions = {}) {
    super("control_file", message, options);
    this.path = path;
  }
}
