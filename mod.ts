/**
 * Downloads files over HTTP with several connections to one file, and never leaves a wrong file.
 *
 * An interrupted download resumes where it stopped. Every response is checked against the version of the file that is
 * being fetched. Only a complete file gets the final name.
 *
 * @example Fetching a file
 * ```ts
 * import { download } from "@bytehaul/bytehaul";
 *
 * async function fetchImage(url: string, sha256: string): Promise<void> {
 *   const { path, size } = await download({
 *     url,
 *     outputDir: "images",
 *     maxConnections: 8,
 *     checksum: `sha256:${sha256}`,
 *   }).wait();
 *   console.log(`${path}: ${size} bytes`);
 * }
 * ```
 *
 * @module
 */
export { closeAll, download, Downloader } from "./src/downloader.ts";
export { DownloadHandle } from "./src/queue/handle.ts";
export {
  type ChecksumMismatchDetails,
  ChecksumMismatchError,
  ControlFileError,
  DownloadError,
  type DownloadErrorCode,
  type DownloadErrorOptions,
  HttpStatusError,
  type Remedy,
  RemoteChangedError,
} from "./src/errors.ts";
export { OptionError } from "./src/option_error.ts";
export type { NetworkOptions, ProxyOptions, TlsOptions } from "./src/options/network_options.ts";
export type { DownloaderOptions, DownloadSpec, FileAllocation } from "./src/options/options.ts";
export type {
  ContentEncoding,
  Refresh,
  RefreshedSource,
  RefreshRequest,
  RequestOptions,
} from "./src/options/request_options.ts";
export type {
  ByteRange,
  ChecksumSource,
  DownloadResult,
  DownloadState,
  Logger,
  LogLevel,
  PendingRetry,
  ProgressSnapshot,
} from "./src/types.ts";
export {
  type ChecksumListEntry,
  parseChecksumList,
  type VerifiedFile,
  type VerifiedPart,
  verify,
  type VerifyOptions,
  type VerifyResult,
} from "./src/verify/verify.ts";
