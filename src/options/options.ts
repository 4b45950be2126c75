import type { NetworkOptions, ProxyOptions } from "./network_options.ts";
import type { RequestOptions } from "./request_options.ts";
import type { Logger } from "../types.ts";

/** How the part file gets its space: as data arrives, or its full length at once. */
export type FileAllocation = "none" | "prealloc";

/** One download: where from, where to, and how. Only `url` is needed. */
export interface DownloadSpec extends RequestOptions, ProxyOptions {
  /** What to fetch; `http:` or `https:`. A user name and password in it are sent as basic credentials. */
  readonly url: string | URL;
  /**
   * Path of the finished file. Without it the name comes from the server's `Content-Disposition`
   * (RFC 6266), else from the URL, else it is `download`.
   */
  readonly outputPath?: string;
  /**
   * Directory for the file; a relative `outputPath` starts there. It is made when it is missing.
   *
   * @default {"."}
   */
  readonly outputDir?: string;
  /**
   * The most connections to use at once, 1 to 256. With `"auto"` it begins with 4 and doubles them, up to 16, for as
   * long as that makes the whole clearly faster, and gives those up that the server refuses again and again.
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
   * The fewest bytes one request asks for, the file's end aside; at least 1 KiB.
   *
   * @default {262144}
   */
  readonly minSegmentSize?: number;
  /**
   * The most bytes one request asks for, at least 1 KiB; for servers and proxies that refuse longer ranges. Of its own
   * accord a download asks for less where a longer range is refused than one that was served.
   *
   * @default {Infinity}
   */
  readonly maxSegmentSize?: number;
  /**
   * The most bytes held in memory between the network and the file; at least 16 KiB. What the runtime itself holds
   * counts, too: on Bun half a MiB for each connection, so a small budget opens fewer of them there. One chunk of one
   * connection comes in any case, and with a speed limit one more may wait for each.
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
   * Goes on with what an earlier run left. With `false` an unfinished download is fetched anew.
   *
   * @default {true}
   */
  readonly resume?: boolean;
  /**
   * Replaces a file that has the final name, once the new one is whole, and part files of others.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Gives the file a number, as in `name.1.bin`, where its name is taken: by a file unless `overwrite` is set, by an
   * unfinished download of another URL, by a download that runs, or by another one of a downloader with
   * `uniqueOutputs`. An unfinished download of the same URL keeps its number, and a file that has the right `checksum`
   * is taken as it is.
   *
   * @default {false}
   */
  readonly rename?: boolean;
  /**
   * Removes a file that fails its checksum. Otherwise it is kept beside the output, as `<name>.mismatch`, until the next
   * one takes its place.
   *
   * @default {false}
   */
  readonly discardMismatch?: boolean;
  /**
   * How often to try again without a byte of progress before giving up.
   *
   * @default {5}
   */
  readonly maxRetries?: number;
  /**
   * Milliseconds before the first retry, before jitter; it doubles with each further one.
   *
   * @default {1000}
   */
  readonly retryBaseDelayMs?: number;
  /**
   * The longest wait between two tries in milliseconds, also when a server asks for more.
   *
   * @default {30000}
   */
  readonly retryMaxDelayMs?: number;
  /**
   * Milliseconds after the first failure without progress at which retrying ends.
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
   * `algorithm:hex`, such as `sha256:…`; the file gets its name only when it matches. A file that has the name and
   * matches already is taken as it is, and nothing is fetched. Without it, and without `checksumFile`, the strongest
   * digest counts that the server sends for the whole file, see `publishedDigest`.
   */
  readonly checksum?: string;
  /**
   * URL or path of a list of checksums, as `sha256sum` or BSD's `sha256` write it, that has a line for the file: by the
   * name in `url`, else by the name that it gets.
   */
  readonly checksumFile?: string | URL;
  /**
   * Compares the file with the strongest digest of the whole of it that the first response has: `Repr-Digest`,
   * `Content-Digest` (RFC 9530), `Digest`, `Content-MD5`, `x-goog-hash`, `x-amz-checksum-*`, `x-ms-blob-content-md5` or
   * `Docker-Content-Digest`. Many servers send some of them only where the whole file is asked for. With `false` they
   * count for nothing, for a server whose digests are out of date.
   *
   * @default {true}
   */
  readonly publishedDigest?: boolean;
  /**
   * Milliseconds between two saves of the control file; the first three come after an eighth, a fourth and a half of
   * that.
   *
   * @default {5000}
   */
  readonly controlSaveIntervalMs?: number;
  /** Aborting it cancels the download; what has arrived is kept for a later run. */
  readonly signal?: AbortSignal;
}

/** What a `Downloader` shares among its downloads. */
export interface DownloaderOptions extends NetworkOptions {
  /**
   * How many downloads run at once; the others wait their turn, `pending`.
   *
   * @default {4}
   */
  readonly maxConcurrentDownloads?: number;
  /**
   * How many downloads run at once from one host and port, by their URLs; each may have several connections. One
   * that waits for its host leaves its turn to those of other hosts. Without it `maxConcurrentDownloads` alone counts.
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
   * Refuses a download whose output another one writes or has written, also with `overwrite`, and one of a URL that
   * another one fetches into the same directory. A download that failed has none.
   *
   * @default {false}
   */
  readonly uniqueOutputs?: boolean;
  /** Told of retries, restarts and what was set aside. */
  readonly logger?: Logger;
  /** Used where a spec says nothing. */
  readonly defaults?: Omit<DownloadSpec, "url" | "outputPath" | "signal">;
}
