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

  /**
   * Throws a `TypeError` or `RangeError` for invalid options, and an `Error` on a release of Deno, Bun or Node.js that
   * is too old.
   */
  constructor(options: DownloaderOptions = {}) {
    this.#queue = new DownloadQueue(detectRuntime(), resolveDownloaderOptions(options));
  }

  /**
   * Starts a download, or lets it wait until others have ended. Throws a `TypeError` or `RangeError` for an invalid
   * spec, before anything is sent or written. Throws a `TypeError` after {@linkcode Downloader.close}. Every other
   * failure rejects {@linkcode DownloadHandle.wait}.
   */
  download(spec: DownloadSpec | string | URL): DownloadHandle {
    return this.#queue.add(typeof spec === "string" || spec instanceof URL ? { url: spec } : spec);
  }

  /** Most bytes per second of all downloads together; 0 sets no limit. The value may be changed at any time. */
  get maxDownloadSpeed(): number {
    return this.#queue.bucket.bytesPerSecond;
  }

  /** Throws a `RangeError` or `TypeError` for a value that is not a speed. */
  set maxDownloadSpeed(bytesPerSecond: number) {
    this.#queue.bucket.bytesPerSecond = checkSpeed(bytesPerSecond);
  }

  /**
   * Cancels every download that has not ended, keeps all received data, and waits until every file is saved and
   * closed. No download can be started afterwards. A second call returns the same promise.
   */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Same as {@linkcode Downloader.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

let shared: Downloader | undefined;

/**
 * Starts a download with default options. All downloads that this function starts share one {@linkcode Downloader}.
 * Throws what its constructor and {@linkcode Downloader.download} throw.
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
