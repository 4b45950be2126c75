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

  /** Throws an `OptionError`, which is a `TypeError` or a `RangeError`, for options that cannot be. */
  constructor(options: DownloaderOptions = {}) {
    this.#queue = new DownloadQueue(detectRuntime(), resolveDownloaderOptions(options));
  }

  /**
   * Begins a download, or lets it wait for its turn. Throws an `OptionError` for a spec that cannot be,
   * before anything is sent or written; everything else that fails does so in
   * {@linkcode DownloadHandle.wait}.
   */
  download(spec: DownloadSpec | string | URL): DownloadHandle {
    return this.#queue.add(typeof spec === "string" || spec instanceof URL ? { url: spec } : spec);
  }

  /** Bytes a second for all downloads together; 0 is no limit. It may be changed at any time. */
  get maxDownloadSpeed(): number {
    return this.#queue.bucket.bytesPerSecond;
  }

  /** Throws a `RangeError` or `TypeError` for what is no speed. */
  set maxDownloadSpeed(bytesPerSecond: number) {
    this.#queue.bucket.bytesPerSecond = checkSpeed(bytesPerSecond);
  }

  /**
   * Cancels what is not over, keeps what has arrived, and waits until every file is saved and closed. No
   * download can be begun afterwards; closing again waits for the same.
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
 * Begins a download with the defaults. All downloads begun this way share one {@linkcode Downloader}.
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
