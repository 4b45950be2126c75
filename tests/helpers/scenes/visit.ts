import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Downloader, DownloadError, type DownloadErrorCode } from "../../../mod.ts";
import type { DownloaderOptions, DownloadHandle, DownloadResult, DownloadSpec } from "../../../mod.ts";
import { assertFileIs } from "../../../testing/content.ts";
import type { RealServer } from "../servers/real_server.ts";
import { Tap, type TappedRequest } from "../sockets/tap.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";
import { until } from "../until.ts";

/** Several connections also to a file of a few MiB, and quick retries. */
const DEFAULTS = { maxConnections: 4, minSplitSize: 0, retryBaseDelayMs: 20 } as const;

/** Bytes before the first missing one that may come again, to be compared. */
const OVERLAP = 65_536;

/** Downloads from a server that is not ours into an empty directory, and what was asked on the way. */
export class Visit implements AsyncDisposable {
  readonly tap: Tap;
  readonly dir: TemporaryDirectory;
  readonly #server: RealServer;

  private constructor(server: RealServer, tap: Tap, dir: TemporaryDirectory) {
    this.#server = server;
    this.tap = tap;
    this.dir = dir;
  }

  /** Visits a server; it runs on afterwards. */
  static async open(server: RealServer): Promise<Visit> {
    return new Visit(server, await Tap.start(server.proxy ?? server.url), await temporaryDirectory());
  }

  /** What was asked for so far. */
  get requests(): readonly TappedRequest[] {
    return this.tap.requests;
  }

  /** Downloads the file `name`, and checks that it is the content `seed` and alone in its directory. */
  async fetch(
    name: string,
    seed: number,
    size: number,
    spec: Partial<DownloadSpec> = {},
    during: (handle: DownloadHandle) => Promise<void> = () => Promise.resolve(),
  ): Promise<DownloadResult> {
    await using downloader = this.#downloader();
    const handle = downloader.download(this.#spec(name, spec));
    const [result] = await Promise.all([handle.wait(), during(handle)]);
    await assertFileIs(this.dir.join(name), seed, size);
    assert.deepEqual(await this.dir.list(), [name]);
    assert.equal(result.size, size);
    return result;
  }

  /** Lets a download fail, and checks that it failed as `code` and that nothing got the final name. */
  async fail(
    code: DownloadErrorCode,
    name: string,
    spec: Partial<DownloadSpec> = {},
  ): Promise<DownloadError> {
    await using downloader = this.#downloader();
    const handle = downloader.download(this.#spec(name, spec));
    const error: unknown = await handle.wait().then(
      () => assert.fail("the download finished"),
      (error) => error,
    );
    if (!(error instanceof DownloadError)) throw error;
    assert.equal(error.code, code, error.message);
    assert.ok(!existsSync(this.dir.join(name)), "a failed download gave the final name");
    return error;
  }

  /**
   * Pauses a download of the file `name` after about `bytes`; how many of them it has. `early` is waited for after
   * an eighth of them.
   */
  async leave(
    name: string,
    bytes: number,
    { early, ...spec }: Partial<DownloadSpec> & { readonly early?: () => Promise<void> } = {},
  ): Promise<number> {
    await using downloader = this.#downloader();
    const first = early === undefined ? bytes : bytes / 8;
    this.tap.allow(first);
    const handle = downloader.download(this.#spec(name, spec));
    if (early !== undefined) {
      await Promise.race([this.tap.exhausted(), handle.wait()]);
      await early();
      this.tap.allow(bytes - first);
    }
    // What fails early is to be seen as what it is.
    await Promise.race([this.tap.exhausted(), handle.wait()]);
    // Heads are among the bytes, and some are on their way.
    await until(() => handle.snapshot.downloaded >= bytes / 2);
    handle.pause();
    await assert.rejects(handle.wait(), { code: "paused" });
    const saved = handle.snapshot.downloaded;
    await downloader.close();
    this.tap.release();
    return saved;
  }

  /** Finishes what `leave` left, and checks that what came stays. */
  async resume(name: string, seed: number, size: number, saved: number): Promise<DownloadResult> {
    const result = await this.fetch(name, seed, size);
    assert.ok(
      result.resumedBytes >= saved - OVERLAP,
      `${result.resumedBytes} bytes kept, ${saved} were there`,
    );
    assert.ok(
      result.fetchedBytes <= size - saved + OVERLAP,
      `${result.fetchedBytes} bytes came, ${saved} were there`,
    );
    return result;
  }

  /**
   * Downloads a file that becomes the content `seed` on the way: that is what it gets, or it fails because the file
   * changed and the next run gets it.
   */
  async fetchChanging(name: string, seed: number, size: number, change: () => Promise<void>): Promise<void> {
    await using downloader = this.#downloader();
    const outcome = downloader.download(this.#spec(name, {})).wait().then(() => undefined, (error) => error);
    await change();
    const error: unknown = await outcome;
    if (error === undefined) return await assertFileIs(this.dir.join(name), seed, size);
    if (!(error instanceof DownloadError)) throw error;
    assert.equal(error.code, "remote_changed", error.message);
    await this.fetch(name, seed, size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tap[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }

  #downloader(): Downloader {
    const options: DownloaderOptions = this.#server.proxy === undefined ? {} : { allProxy: this.tap.origin };
    return new Downloader(options);
  }

  #spec(name: string, spec: Partial<DownloadSpec>): DownloadSpec {
    const { url, proxy } = this.#server;
    const base = proxy === undefined ? this.tap.origin + new URL(url).pathname.replace(/\/$/, "") : url;
    return { ...DEFAULTS, url: `${base}/${name}`, outputDir: this.dir.path, ...spec };
  }
}
