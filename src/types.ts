/** A half-open range of bytes: it includes `start` and excludes `end`. */
export interface ByteRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
}

/**
 * Identifies one version of a file on the server (RFC 9110, section 8.8). Two responses belong to the same version
 * only when their validators agree.
 */
export interface Validator {
  /** The `ETag` field, including its quotes and a `W/` for a weak one. */
  readonly etag: string | undefined;
  /** The `Last-Modified` field as the server wrote it. */
  readonly lastModified: string | undefined;
  /**
   * Whether the file changed less than two seconds before the response. Such a file may have changed again without a
   * new date (RFC 9110, section 8.8.2.2).
   *
   * @default {false}
   */
  readonly isYoung?: boolean;
}

/** What the first response says about the file. */
export interface RemoteFile {
  /** The URL that answered, after redirects. */
  readonly finalUrl: string;
  /** Size in bytes, or `undefined` when the server does not report it. */
  readonly size: number | undefined;
  /** Whether the server answers range requests. */
  readonly acceptsRanges: boolean;
  /** Identifies the version of the file that is fetched. */
  readonly validator: Validator;
  /** The `Content-Disposition` field, which may contain a file name. */
  readonly contentDisposition: string | undefined;
}

/**
 * State of a download. `completed`, `failed`, `cancelled` and `paused` are final. A handle reaches one final state
 * and keeps it.
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
  /** When the request is sent, in milliseconds since the start of 1970, as `Date.now()` counts. */
  readonly atMs: number;
  /** Number of this request among those in a row without progress: 2 for the first retry. */
  readonly attempt: number;
  /** Why the previous request failed, in a few words. */
  readonly reason: string;
}

/** The progress of a download at one moment. */
export interface ProgressSnapshot {
  /** State of the download. */
  readonly state: DownloadState;
  /** Path of the file, or `undefined` until it is known. */
  readonly path: string | undefined;
  /** Bytes of the file received so far, including those of an earlier run that are known to be right. */
  readonly downloaded: number;
  /** Size of the file in bytes, or `undefined` until the server reports it. Some servers never do. */
  readonly total: number | undefined;
  /** Bytes per second over the last few seconds. */
  readonly speed: number;
  /** Seconds until the end at this speed, or `undefined` when they cannot be computed. */
  readonly etaSeconds: number | undefined;
  /** How many connections have an active request. */
  readonly connections: number;
  /** Milliseconds since the download left the queue. */
  readonly elapsedMs: number;
  /** The next retry, while no connection has an active request; `undefined` otherwise. */
  readonly retry: PendingRetry | undefined;
}

/**
 * Where the checksum of a file comes from: the option `checksum`, the list in `checksumFile`, or a header field of
 * the server, such as `repr-digest` (RFC 9530).
 */
export type ChecksumSource = "checksum" | "checksumFile" | (string & Record<never, never>);

/** The result of a completed download. */
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
   * Whether the server sent the size and the file has this size. `false` means that the server sent no length, so
   * only the end of the connection marked the end of the file.
   */
  readonly lengthVerified: boolean;
  /** The checksum that the file was compared with, as `algorithm:hex`, or `undefined` without one. */
  readonly checksum: string | undefined;
  /** Where `checksum` comes from. */
  readonly checksumSource: ChecksumSource | undefined;
  /** Milliseconds from leaving the queue until the file got its final name. */
  readonly elapsedMs: number;
}

/** Importance of a message. */
export type LogLevel = "debug" | "info" | "warn";

/**
 * Receives the messages of a download: retries, restarts, renamed files. No message contains a query string,
 * credentials or header values.
 */
export type Logger = (level: LogLevel, message: string) => void;
