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
 * Starts a download with default options. All downloads that this function starts share one {@linkcode Downloader},
 * which {@linkcode closeAll} closes.
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

/**
 * Closes everything that {@linkcode download} keeps open for its next call: idle connections, timers and threads.
 * Cancels every download of this function that has not ended, keeps all received data, and waits until every file is
 * saved and closed. Never rejects.
 *
 * A process that is done ends without this call. It is for programs that must leave nothing open, such as tests that
 * check for leaks. {@linkcode download} can be called again afterwards. A {@linkcode Downloader} has its own
 * {@linkcode Downloader.close}, and is not affected.
 *
 * @example A test that leaves nothing open
 * ```ts
 * import { closeAll, download } from "@bytehaul/bytehaul";
 *
 * async function testDownload(url: string, outputDir: string): Promise<void> {
 *   try {
 *     await download({ url, outputDir }).wait();
 *   } finally {
 *     await closeAll();
 *   }
 * }
 *
 * await closeAll(); // has no effect: nothing is open
 * ```
 */
export async function closeAll(): Promise<void> {
  const closing = shared;
  shared = undefined;
  await closing?.close();
}
