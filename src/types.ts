/** A half-open run of bytes: `start` is in it, `end` is not. */
export interface ByteRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
}

/**
 * What identifies one version of a file on the server (RFC 9110, section 8.8).
 * Two responses belong to the same version only when their validators agree.
 */
export interface Validator {
  /** The `ETag` field, quotes and weakness mark included. */
  readonly etag: string | undefined;
  /** The `Last-Modified` field as the server wrote it. */
  readonly lastModified: string | undefined;
  /**
   * Whether the file had changed less than two seconds before the response, so that it may have changed again without
   * another date (RFC 9110, section 8.8.2.2).
   *
   * @default {false}
   */
  readonly isYoung?: boolean;
}

/** What the first response said about the file. */
export interface RemoteFile {
  /** The URL that answered, after redirects. */
  readonly finalUrl: string;
  /** Size in bytes, or `undefined` when the server does not report it. */
  readonly size: number | undefined;
  /** Whether the server answers range requests. */
  readonly acceptsRanges: boolean;
  /** Identifies the version that is being fetched. */
  readonly validator: Validator;
  /** The `Content-Disposition` field, from which a file name may be taken. */
  readonly contentDisposition: string | undefined;
}

/**
 * Where a download stands. `completed`, `failed`, `cancelled` and `paused` are final: a handle reaches
 * one of them, once.
 */
export type DownloadState =
  | "pending"
  | "downloading"
  | "verifying"
  | "completed"
  | "failed"
  | "cancelled"
  | "paused";

/** A request that failed and is sent again later. */
export interface PendingRetry {
  /** When it is sent, in milliseconds since 1970 began, as `Date.now()` counts. */
  readonly atMs: number;
  /** How many requests in a row this one makes: 2 for the first retry. */
  readonly attempt: number;
  /** Why the request before failed, in a few words. */
  readonly reason: string;
}

/** One look at a running download. */
export interface ProgressSnapshot {
  /** Where the download stands. */
  readonly state: DownloadState;
  /** The file's path once it is known, else `undefined`. */
  readonly path: string | undefined;
  /** Bytes of the file that have arrived, those of an earlier run included. */
  readonly downloaded: number;
  /** Size of the file in bytes, or `undefined` until or unless the server reports it. */
  readonly total: number | undefined;
  /** Bytes a second over the last few seconds. */
  readonly speed: number;
  /** Seconds until the end at this speed, or `undefined` when it is not known. */
  readonly etaSeconds: number | undefined;
  /** Connections that have a request under way. */
  readonly connections: number;
  /** Milliseconds since the download left the queue. */
  readonly elapsedMs: number;
  /** The request that is waited for, while no connection has one under way; `undefined` otherwise. */
  readonly retry: PendingRetry | undefined;
}

/**
 * Where the checksum of a file comes from: the option `checksum`, the list that `checksumFile` names, or a header field of
 * the server, such as `repr-digest` (RFC 9530).
 */
export type ChecksumSource = "checksum" | "checksumFile" | (string & Record<never, never>);

/** What a finished download was. */
export interface DownloadResult {
  /** Where the file is. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Bytes that came over the network in this run. */
  readonly fetchedBytes: number;
  /** Bytes kept from an earlier run. */
  readonly resumedBytes: number;
  /**
   * Whether the size was known beforehand and the file has it. It is `false` where the server sent no
   * length, so that only the end of the connection marked the end of the file.
   */
  readonly lengthVerified: boolean;
  /** The checksum that the file was compared with, as `algorithm:hex`, if there was one. */
  readonly checksum: string | undefined;
  /** Where that checksum comes from. */
  readonly checksumSource: ChecksumSource | undefined;
  /** Milliseconds from leaving the queue to the final name. */
  readonly elapsedMs: number;
}

/** How much a message matters. */
export type LogLevel = "debug" | "info" | "warn";

/**
 * Receives what a download reports in addition to its progress: retries, restarts, files that were renamed.
 * No message contains a query string, credentials or header values.
 */
export type Logger = (level: LogLevel, message: string) => void;
