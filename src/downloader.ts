import { DownloadQueue } from "./queue/download_queue.ts";
import type { DownloadHandle } from "./queue/handle.ts";
import type { DownloaderOptions, DownloadSpec } from "./options/options.ts";
import { checkSpeed, resolveDownloaderOptions } from "./options/resolve_options.ts";
import { detectRuntime } from "./runtime/detect.ts";

/**
 * Downloads that share connections, a speed limit and defaults.
 *
 * @example Two files, two megabytes a second together
 * ```ts
 * import { Downloader } from "@bytehaul/bytehaul";
 *
 * async function fetchBoth(first: string, second: string): Promise<void> {
 *   await using downloader = new Downloader({
 *     maxDownloadSpeed: 2 * 1024 * 1024,
 *     defaults: { outputDir: "downloads", maxConnections: 8 },
 *   });
 *   const handles = [first, second].map((url) => downloader.download(url));
 *   await Promise.all(handles.map((handle) => handle.wait()));
 * }
 * ```
 */
export class Downloader implements AsyncDisposable {
  readonly #queue: DownloadQueue;

  /** Throws a `TypeError` or `RangeError` for options that are not valid. */
  constructor(options: DownloaderOptions = {}) {
    this.#queue = new DownloadQueue(detectRuntime(), resolveDownloaderOptions(options));
  }

  /**
   * Starts a download, or queues it until others have ended. Throws a `TypeError` or `RangeError` for a spec that is
   * not valid, before anything is sent or written. Every other failure rejects {@linkcode DownloadHandle.wait}.
   */
  download(spec: DownloadSpec | string | URL): DownloadHandle {
    return this.#queue.add(typeof spec === "string" || spec instanceof URL ? { url: spec } : spec);
  }

  /** Bytes a second for all downloads together; 0 is no limit. It may be changed at any time. */
  get maxDownloadSpeed(): number {
    return this.#queue.bucket.bytesPerSecond;
  }

  /** Throws a `RangeError` or `TypeError` for a value that is not a speed. */
  set maxDownloadSpeed(bytesPerSecond: number) {
    this.#queue.bucket.bytesPerSecond = checkSpeed(bytesPerSecond);
  }

  /**
   * Cancels every download that has not ended and waits until every file is saved and closed. The data on disk is
   * kept. No download can be started afterwards. A second call waits for the same end.
   */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** As {@linkcode Downloader.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

let shared: Downloader | undefined;

/**
 * Starts a download with the defaults. All downloads started this way share one {@linkcode Downloader}.
 *
 * @example Fetching a file into the current directory
 * ```ts
 * import { download } from "@bytehaul/bytehaul";
 *
 * async function fetchFile(url: string): Promise<string> {
 *   const { path } = await download(url).wait();
 *   return path;
 * }
 * ```
 */
export function download(spec: DownloadSpec | string | URL): DownloadHandle {
  shared ??= new Downloader();
  return shared.download(spec);
}
