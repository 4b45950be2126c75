/** Tells {@linkcode DownloadError}s apart. */
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

/** Settings of a {@linkcode DownloadError}. */
export interface DownloadErrorOptions extends ErrorOptions {
  /**
   * Whether the same request may succeed later.
   *
   * @default {false}
   */
  readonly retryable?: boolean;
}

/**
 * Why a download did not finish. Every failure that is not a misuse of an option (`TypeError`,
 * `RangeError`) is one of these; `code` tells which.
 *
 * @example Telling failures apart
 * ```ts
 * import { DownloadError } from "@bytehaul/bytehaul";
 *
 * function advice(error: unknown): string {
 *   if (!(error instanceof DownloadError)) return "a bug";
 *   return error.code === "disk_full" ? "free some space and run it again" : error.message;
 * }
 * ```
 */
export class DownloadError extends Error {
  /** The name of the class. */
  override readonly name: string = "DownloadError";
  /** What kind of failure it is. */
  readonly code: DownloadErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  /** Makes an error of the kind `code`. */
  constructor(code: DownloadErrorCode, message: string, options: DownloadErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The server answered with a status that is no success (RFC 9110, section 15). */
export class HttpStatusError extends DownloadError {
  /** The name of the class. */
  override readonly name = "HttpStatusError";
  /** The status code. */
  readonly status: number;
  /** How long the server asked to wait, in milliseconds, if it did (`Retry-After`). */
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

/** The file on the server is no longer the version that was being fetched. What is there is kept. */
export class RemoteChangedError extends DownloadError {
  /** The name of the class. */
  override readonly name = "RemoteChangedError";

  /** Makes an error whose message says what changed. */
  constructor(message: string, options: DownloadErrorOptions = {}) {
    super("remote_changed", message, options);
  }
}

/** The file was fetched whole, and is not the one that the checksum belongs to. */
export class ChecksumMismatchError extends DownloadError {
  /** The name of the class. */
  override readonly name = "ChecksumMismatchError";
  /** The checksum asked for, as `algorithm:hex`. */
  readonly expected: string;
  /** The checksum of what arrived, as `algorithm:hex`. */
  readonly actual: string;

  /** Makes an error that holds both checksums. `note` goes behind them and says who expected it. */
  constructor(expected: string, actual: string, note: string = "") {
    super("checksum_mismatch", `Cannot finish: the checksum is ${actual}, expected ${expected}${note}`);
    this.expected = expected;
    this.actual = actual;
  }
}

/** The control file cannot be used, and nothing was changed because of it. */
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
