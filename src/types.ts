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
   * Whether `Last-Modified` lies less than two seconds before the response. The file may then change again and keep
   * that date (RFC 9110, section 8.8.2.2).
   *
   * @default {false}
   */
  readonly isYoung?: boolean;
}

/** The file as the first response describes it. */
export interface RemoteFile {
  /** The URL that answered, after redirects. */
  readonly finalUrl: string;
  /** Size in bytes, or `undefined` when the server does not report it. */
  readonly size: number | undefined;
  /** Whether the server answers range requests. */
  readonly acceptsRanges: boolean;
  /** Identifies the version of the file that is fetched. */
  readonly validator: Validator;
  /** The `Content-Disposition` field, from which a file name may be taken. */
  readonly contentDisposition: string | undefined;
}

/**
 * The state of a download. `completed`, `failed`, `cancelled` and `paused` are final: a handle reaches exactly one
 * of them, once.
 */
export type DownloadState =
  | "pending"
  | "downloading"
  | "verifying"
  | "completed"
  | "failed"
  | "cancelled"
  | "paused";

/** A failed request that is sent again later. */
export interface PendingRetry {
  /** The time of the retry in milliseconds since the start of 1970, as `Date.now()` counts. */
  readonly atMs: number;
  /** How many requests in a row the retry makes: 2 for the first retry. */
  readonly attempt: number;
  /** Why the request failed, in a few words. */
  readonly reason: string;
}

/** The progress of a download at one moment. */
export interface ProgressSnapshot {
  /** The state of the download. */
  readonly state: DownloadState;
  /** Path of the file, or `undefined` while it is not known. */
  readonly path: string | undefined;
  /** Bytes of the file that were received, including those of an earlier run. */
  readonly downloaded: number;
  /** Size of the file in bytes, or `undefined` while the server has not reported it. */
  readonly total: number | undefined;
  /** Bytes a second over the last few seconds. */
  readonly speed: number;
  /** Seconds until the end at this speed, or `undefined` when that is not known. */
  readonly etaSeconds: number | undefined;
  /** Connections with an active request. */
  readonly connections: number;
  /** Milliseconds since the download left the queue. */
  readonly elapsedMs: number;
  /** The next retry, while no connection has an active request; `undefined` otherwise. */
  readonly retry: PendingRetry | undefined;
}

/**
 * Where the checksum of a file comes from: the option `checksum`, the list that `checksumFile` names, or a header field of
 * the server, such as `repr-digest` (RFC 9530).
 */
export type ChecksumSource = "checksum" | "checksumFile" | (string & Record<never, never>);

/** What a completed download reports. */
export interface DownloadResult {
  /** Path of the file. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Bytes received over the network in this run. */
  readonly fetchedBytes: number;
  /** Bytes kept from an earlier run. */
  readonly resumedBytes: number;
  /**
   * Whether the file has the size that the server reported. It is `false` where the server sent no length, so that
   * only the end of the connection marked the end of the file.
   */
  readonly lengthVerified: boolean;
  /** The checksum that the file was compared with, as `algorithm:hex`, if there was one. */
  readonly checksum: string | undefined;
  /** Where `checksum` comes from. */
  readonly checksumSource: ChecksumSource | undefined;
  /** Milliseconds from leaving the queue until the file had its final name. */
  readonly elapsedMs: number;
}

/** How important a message is. */
export type LogLevel = "debug" | "info" | "warn";

/**
 * Receives what a download reports in addition to its progress: retries, restarts, files that were renamed.
 * No message contains a query string, credentials or header values.
 */
export type Logger = (level: LogLevel, message: string) => void;
