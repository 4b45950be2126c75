import { redact } from "./redact.ts";
import type { ChecksumSource } from "./types.ts";

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

/** What may help after a failure: an option to set, and the words around that. */
export interface Remedy {
  /** The words before, with a blank at their end. */
  readonly before?: string;
  /** Names of the options of which one helps. */
  readonly options: readonly string[];
  /** What to do with them. */
  readonly how: string;
  /** The words behind, with a blank at their start. */
  readonly after?: string;
}

/** The end of a message that has a remedy. */
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
   * What went wrong, in a few words that fit into a sentence: the message without what could not be done.
   *
   * @default {message}
   */
  readonly reason?: string;
  /** What may help, if an option does. It is put at the end of the message. */
  readonly remedy?: Remedy;
}

/**
 * Why a download did not finish. Every failure that is not a misuse of an option (an
 * `OptionError`) is one of these; `code` tells which.
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
  /** What went wrong, in a few words that fit into a sentence: the message without what could not be done. */
  readonly reason: string;
  /** What may help, if an option does. It ends the message. */
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

/** What is known about a file that failed its checksum. */
export interface ChecksumMismatchDetails extends ErrorOptions {
  /** Path that the file should have got. */
  readonly path?: string;
  /** Where it came from. User, password, query and fragment are taken out. */
  readonly url?: string;
  /** Who told the checksum. */
  readonly source?: ChecksumSource;
  /** Name or address, and port, of the server that published it. */
  readonly host?: string;
  /** Where the file is kept. */
  readonly keptPath?: string;
}

/** The file was fetched whole, and is not the one that the checksum belongs to. */
export class ChecksumMismatchError extends DownloadError {
  /** The name of the class. */
  override readonly name = "ChecksumMismatchError";
  /** The checksum asked for, as `algorithm:hex`. */
  readonly expected: string;
  /** The checksum of what arrived, as `algorithm:hex`. */
  readonly actual: string;
  /** Path that the file should have got. */
  readonly path: string | undefined;
  /** Where the file came from, without user, password, query and fragment. */
  readonly url: string | undefined;
  /** Who told the checksum. */
  readonly source: ChecksumSource | undefined;
  /** Name or address, and port, of the server that published it, if one did. */
  readonly host: string | undefined;
  /** Where the file is kept, `undefined` when it was removed. No later run takes it for progress. */
  readonly keptPath: string | undefined;

  /** Makes an error that holds both checksums. */
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

/** How a message speaks of the options that decide about checksums. */
export interface ChecksumWords {
  readonly checksum: string;
  readonly checksumFile: string;
  /** What to do without the digests of servers. */
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
    whoSays(mismatch, words)
  }${kept}`;
}

function whoSays({ source, host }: Mismatch, words: ChecksumWords): string {
  if (source === undefined) return "";
  if (source === "checksum") return `, as ${words.checksum} says`;
  if (source === "checksumFile") return `, as ${words.checksumFile} says`;
  const server = host ?? "the server";
  return `, as ${server} says in ${source}; if that is out of date, ${words.withoutPublished}`;
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
