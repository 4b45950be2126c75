import type { NetworkOptions, ProxyOptions } from "./network_options.ts";
import type { RequestOptions } from "./request_options.ts";
import type { Logger } from "../types.ts";

/** How the part file gets its space: as data arrives (`none`), or in full before the first byte (`prealloc`). */
export type FileAllocation = "none" | "prealloc";

/** Options of one download. Only `url` is required. */
export interface DownloadSpec extends RequestOptions, ProxyOptions {
  /** URL of the file; `http:` or `https:`. A user name and password in the URL are sent as Basic credentials. */
  readonly url: string | URL;
  /**
   * Path of the finished file. Without this option the name comes from the server's `Content-Disposition` (RFC 6266),
   * else from the URL, else the name is `download`.
   */
  readonly outputPath?: string;
  /**
   * Directory for the file. A relative `outputPath` starts there. A missing directory is created.
   *
   * @default {"."}
   */
  readonly outputDir?: string;
  /**
   * The most connections at the same time, 1 to 256. `"auto"` starts with 4 connections. It doubles their number, up
   * to 16, as long as the download becomes clearly faster. A connection that the server refuses repeatedly is closed.
   *
   * @default {4}
   */
  readonly maxConnections?: number | "auto";
  /**
   * Bytes in a piece, 16 KiB to 1 GiB. A piece is the unit in which finished data is recorded.
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
   * The fewest bytes of one request; at least 1 KiB. The last request of a file may be shorter.
   *
   * @default {262144}
   */
  readonly minSegmentSize?: number;
  /**
   * The most bytes of one request; at least 1 KiB. This is for servers and proxies that refuse longer ranges. A
   * download also shortens its requests by itself when the server refuses a range but has sent a shorter one.
   *
   * @default {Infinity}
   */
  readonly maxSegmentSize?: number;
  /**
   * The most bytes in memory between the network and the file; at least 16 KiB. The runtime's own buffers count, too.
   * Bun buffers half a MiB for each connection, so a small budget opens fewer connections there. One connection is
   * always opened, even where its buffer exceeds the budget. With a speed limit, each connection may buffer one more
   * chunk.
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
   * Resumes the unfinished download of an earlier run. With `false` the download restarts.
   *
   * @default {true}
   */
  readonly resume?: boolean;
  /**
   * Replaces an existing file of the final name, but only when the new file is complete. Also replaces part files of
   * other URLs.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Adds a number to the file's name, as in `name.1.bin`, when the name is taken. A name is taken by a file (unless
   * `overwrite` is set), by an unfinished download of another URL, by a running download, or by another download of a
   * `Downloader` with `uniqueOutputs`. An unfinished download of the same URL keeps its number. A file that has the
   * right `checksum` counts as the finished file.
   *
   * @default {false}
   */
  readonly rename?: boolean;
  /**
   * Removes a file that fails its checksum. Otherwise the file is kept beside the output as `<name>.mismatch`, until
   * the next such file replaces it.
   *
   * @default {false}
   */
  readonly discardMismatch?: boolean;
  /**
   * How often a request is retried without a byte of progress before the download fails.
   *
   * @default {5}
   */
  readonly maxRetries?: number;
  /**
   * Milliseconds before the first retry. They double with each further retry. The delay is a random part of them
   * (jitter).
   *
   * @default {1000}
   */
  readonly retryBaseDelayMs?: number;
  /**
   * The longest delay before a retry, in milliseconds, even when a server requests a longer one.
   *
   * @default {30000}
   */
  readonly retryMaxDelayMs?: number;
  /**
   * Milliseconds from the first failure without progress until retries end.
   *
   * @default {Infinity}
   */
  readonly maxRetryElapsedMs?: number;
  /**
   * Most bytes per second of this download; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /**
   * Checksum of the file as `algorithm:hex`, such as `sha256:…`. The file gets its final name only when the checksum
   * matches. When a file with that name already matches, nothing is fetched. Without `checksum` and `checksumFile`,
   * the download uses the strongest digest that the server sends for the complete file, see `publishedDigest`.
   */
  readonly checksum?: string;
  /**
   * URL or path of a checksum list in the format of `sha256sum` or BSD's `sha256`. The list must have a line for the
   * file: under the name in `url`, else under the name of the output.
   */
  readonly checksumFile?: string | URL;
  /**
   * Compares the file with the strongest digest of the complete file in the first response: `Repr-Digest`,
   * `Content-Digest` (RFC 9530), `Digest`, `Content-MD5`, `x-goog-hash`, `x-amz-checksum-*`, `x-ms-blob-content-md5`
   * or `Docker-Content-Digest`. Many servers send some of these fields only when the complete file is requested.
   * `false` ignores all of them, for a server whose digests are out of date.
   *
   * @default {true}
   */
  readonly publishedDigest?: boolean;
  /**
   * Milliseconds between two checkpoints, which sync the data and save the control file. A power loss costs at most
   * the data of this time. A killed process loses only what was in flight, because the control file also has a journal.
   * The first three checkpoints come after an eighth, a quarter and a half of this time.
   *
   * @default {5000}
   */
  readonly controlSaveIntervalMs?: number;
  /** Aborting this signal cancels the download. Received data is kept for a later run. */
  readonly signal?: AbortSignal;
}

/** Options that all downloads of a `Downloader` share. */
export interface DownloaderOptions extends NetworkOptions {
  /**
   * How many downloads run at the same time. The others wait in the state `pending`.
   *
   * @default {4}
   */
  readonly maxConcurrentDownloads?: number;
  /**
   * How many downloads with the same host and port in their URLs run at the same time. Each may have several
   * connections. A download that waits for its host does not block downloads from other hosts. Without this option
   * only `maxConcurrentDownloads` limits them.
   *
   * @default {Infinity}
   */
  readonly maxDownloadsPerHost?: number;
  /**
   * Most bytes per second of all downloads together; 0 sets no limit.
   *
   * @default {0}
   */
  readonly maxDownloadSpeed?: number;
  /**
   * Refuses a download whose output another download of this `Downloader` writes or has written, even with
   * `overwrite`. Also refuses a URL that another download fetches into the same directory. The output of a failed
   * download is free again.
   *
   * @default {false}
   */
  readonly uniqueOutputs?: boolean;
  /** Receives messages about retries, restarts and renamed files. */
  readonly logger?: Logger;
  /** Values for options that a spec leaves out. */
  readonly defaults?: Omit<DownloadSpec, "url" | "outputPath" | "signal">;
}
