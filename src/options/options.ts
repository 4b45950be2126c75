import type { NetworkOptions, ProxyOptions } from "./network_options.ts";
import type { RequestOptions } from "./request_options.ts";
import type { Logger } from "../types.ts";

/** How the part file gets its space: as data arrives, or its full length before the first byte. */
export type FileAllocation = "none" | "prealloc";

/** One download: its source, its output and its settings. Only `url` is required. */
export interface DownloadSpec extends RequestOptions, ProxyOptions {
  /** What to fetch; `http:` or `https:`. A user name and a password in the URL are sent as Basic credentials. */
  readonly url: string | URL;
  /**
   * Path of the finished file. Without it, the name comes from the server's `Content-Disposition` (RFC 6266), else
   * from the URL, else it is `download`.
   */
  readonly outputPath?: string;
  /**
   * Directory for the file. A relative `outputPath` starts there. A missing directory is created.
   *
   * @default {"."}
   */
  readonly outputDir?: string;
  /**
   * The most connections to use at a time, 1 to 256. With `"auto"` a download starts with 4 connections. It doubles
   * them, up to 16, as long as that makes the download clearly faster. It closes a connection that the server
   * refuses repeatedly.
   *
   * @default {4}
   */
  readonly maxConnections?: number | "auto";
  /**
   * Bytes in a piece, the unit in which finished data is recorded; 16 KiB to 1 GiB.
   *
   * @default {1048576}
   */
  readonly pieceSize?: number;
  /**
   * A file smaller than this many bytes is fetched over one connection.
   *
   * @default {10485760}
   */
  readonly minSplitSize?: number;
  /**
   * The fewest bytes in one request, except at the end of the file; at least 1 KiB.
   *
   * @default {262144}
   */
  readonly minSegmentSize?: number;
  /**
   * The most bytes in one request, at least 1 KiB; for servers and proxies that refuse longer ranges. A download
   * also requests shorter ranges without this option when a server refuses a range that is longer than one that it
   * served.
   *
   * @default {Infinity}
   */
  readonly maxSegmentSize?: number;
  /**
   * The most bytes buffered in memory between the network and the file; at least 16 KiB. The runtime's own buffers
   * count, too. On Bun they are half a MiB for each connection, so a small budget opens fewer connections there. One
   * chunk of one connection is always allowed. With a speed limit, one more chunk of each connection may wait.
   *
   * @default {16777216}
   */
  readonly memoryBudget?: number;
  /**
   * `"prealloc"` gives the part file its full length before the first byte is written.
   *
   * @default {"none"}
   */
  readonly fileAllocation?: FileAllocation;
  /**
   * Resumes what an earlier run left unfinished. `false` restarts it.
   *
   * @default {true}
   */
  readonly resume?: boolean;
  /**
   * Replaces a file that has the final name, once the new file is complete, and part files of other downloads.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Adds a number to the file's name, as in `name.1.bin`, where the name is taken: by a file (unless `overwrite` is
   * set), by an unfinished download of another URL, by a download that runs, or by another download of a downloader
   * with `uniqueOutputs`. An unfinished download of the same URL keeps its number. An existing file with the right
   * `checksum` keeps its name and is the result.
   *
   * @default {false}
   */
  readonly rename?: boolean;
  /**
   * Removes a file that fails its checksum. Otherwise the file is kept beside the output, as `<name>.mismatch`,
   * until the next such file replaces it.
   *
   * @default {false}
   */
  readonly discardMismatch?: boolean;
  /**
   * How many retries in a row without a byte of progress are allowed before the download fails.
   *
   * @default {5}
   */
  readonly maxRetries?: number;
  /**
   * Milliseconds before the first retry, without jitter. The delay doubles with each further retry.
   *
   * @default {1000}
   */
  readonly retryBaseDelayMs?: number;
  /**
   * The longest delay before a retry in milliseconds, also when a server requests a longer one.
   *
   * @default {30000}
   */
  readonly retryMaxDelayMs?: number;
  /**
   * Milliseconds without progress, counted from the first failure, after which the download stops retrying.
   *
   * @default {Infinity}
   */
  readonly maxRetryElapsedMs?: number;
  /**
   * Bytes a second for this download; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /**
   * `algorithm:hex`, such as `sha256:…`. The file gets its final name only when it matches. If an existing file of
   * that name matches, nothing is fetched. Without `checksum` and `checksumFile`, the strongest digest that the
   * server sends for the complete file counts, see `publishedDigest`.
   */
  readonly checksum?: string;
  /**
   * URL or path of a list of checksums, as `sha256sum` or BSD's `sha256` write it. The list must have a line for the
   * file: for the name in `url`, else for the file's final name.
   */
  readonly checksumFile?: string | URL;
  /**
   * Compares the file with the strongest digest of the complete file in the first response: `Repr-Digest`,
   * `Content-Digest` (RFC 9530), `Digest`, `Content-MD5`, `x-goog-hash`, `x-amz-checksum-*`, `x-ms-blob-content-md5`
   * or `Docker-Content-Digest`. Many servers send some of these fields only for a request without a range. `false`
   * ignores these fields, for a server whose digests are out of date.
   *
   * @default {true}
   */
  readonly publishedDigest?: boolean;
  /**
   * Milliseconds between two saves of the control file. The first three saves come after an eighth, a fourth and a
   * half of that time.
   *
   * @default {5000}
   */
  readonly controlSaveIntervalMs?: number;
  /** Aborting it cancels the download. The data on disk is kept for a later run. */
  readonly signal?: AbortSignal;
}

/** What a `Downloader` shares among its downloads. */
export interface DownloaderOptions extends NetworkOptions {
  /**
   * How many downloads run at a time. The others wait in the state `pending`.
   *
   * @default {4}
   */
  readonly maxConcurrentDownloads?: number;
  /**
   * How many downloads run at a time from one host and port, as their URLs name it. Each download may have several
   * connections. A download that waits for its host does not block downloads from other hosts. Without this option
   * only `maxConcurrentDownloads` counts.
   *
   * @default {Infinity}
   */
  readonly maxDownloadsPerHost?: number;
  /**
   * Bytes a second for all downloads together; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /**
   * Refuses a download whose output another download writes or has written, also with `overwrite`. Refuses a
   * download whose URL another download fetches into the same directory. A failed download blocks neither.
   *
   * @default {false}
   */
  readonly uniqueOutputs?: boolean;
  /** Receives messages about retries, restarts and files that were renamed. */
  readonly logger?: Logger;
  /** Used for options that a spec does not have. */
  readonly defaults?: Omit<DownloadSpec, "url" | "outputPath" | "signal">;
}
