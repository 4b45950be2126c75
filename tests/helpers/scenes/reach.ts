import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { Downloader, DownloadError, type DownloadErrorCode } from "../../../mod.ts";
import type { DownloaderOptions, DownloadResult, DownloadSpec, LogLevel } from "../../../mod.ts";
import { assertFileIs, writeContentFile } from "../../../testing/content.ts";
import { type NginxOptions, type NginxServer, startNginx } from "../servers/nginx.ts";
import { FastClock } from "../doubles/fast_clock.ts";
import { queueOn, runtimeWith } from "../doubles/runtime_double.ts";
import type { Starter } from "./scene.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";
import { SMALL_FILE } from "../small_file.ts";

/** The file that is fetched. */
export const REACH_FILE = { seed: 33, size: 300_000 } as const;

const DEFAULTS = { ...SMALL_FILE, maxConnections: 1, pieceSize: 16_384, maxRetries: 1 } as const;

/** How a download is begun. */
export interface ReachOptions extends DownloaderOptions {
  /** In place of the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How many times as fast as they are all waits pass, so that a test need not wait for seconds.
   *
   * @default {1}
   */
  readonly haste?: number;
}

/** Downloads of one file, by one way to its server or another; each has a downloader of its own. */
export class Reach implements AsyncDisposable {
  readonly dir: TemporaryDirectory;
  /** What the downloaders had to tell. */
  readonly messages: string[] = [];
  /** What neither messages nor errors may contain. */
  readonly secrets: string[] = [];
  #downloads = 0;

  private constructor(dir: TemporaryDirectory) {
    this.dir = dir;
  }

  static async open(): Promise<Reach> {
    const dir = await temporaryDirectory();
    await mkdir(dir.join("www"));
    await mkdir(dir.join("out"));
    await writeContentFile(dir.join("www", "file.bin"), REACH_FILE.seed, REACH_FILE.size);
    return new Reach(dir);
  }

  /** Starts nginx, which must be installed, with the file as `/file.bin`. */
  async nginx(options: Partial<NginxOptions> = {}): Promise<NginxServer> {
    const server = await startNginx({ root: this.dir.join("www"), dir: this.dir.path, ...options });
    assert.ok(server !== undefined, "nginx is not installed");
    return server;
  }

  /** Makes a downloader, whose messages are kept. */
  start({ environment, haste = 1, ...options }: ReachOptions = {}): Starter {
    const logger = (_: LogLevel, message: string): void => void this.messages.push(message);
    if (environment === undefined && haste === 1) return new Downloader({ logger, ...options });
    const clock = new FastClock({ factor: haste });
    const runtime = runtimeWith({ clock, ...(environment && { environment }) });
    const queue = queueOn(runtime, { logger, ...options });
    return { download: (spec) => queue.add(spec), close: () => queue.close() };
  }

  /** A spec for quick tests, with an output of its own. */
  spec(url: string, spec: Partial<DownloadSpec> = {}): DownloadSpec {
    const outputPath = this.dir.join("out", `${++this.#downloads}`);
    return { ...DEFAULTS, url, outputPath, ...spec };
  }

  /** Downloads the file, and checks it. */
  async complete(
    url: string,
    options: ReachOptions = {},
    spec: Partial<DownloadSpec> = {},
  ): Promise<DownloadResult> {
    const starter = this.start(options);
    try {
      const result = await starter.download(this.spec(url, spec)).wait();
      const { seed, size } = REACH_FILE;
      await assertFileIs(result.path, seed, size);
      this.#checkSecrets(undefined);
      return result;
    } finally {
      await starter.close();
    }
  }

  /** Lets a download fail, and checks what with and that nothing was written. */
  async fail(
    code: DownloadErrorCode,
    url: string,
    options: ReachOptions = {},
    spec: Partial<DownloadSpec> = {},
  ): Promise<DownloadError> {
    const starter = this.start(options);
    const left = await this.outputs();
    try {
      const handle = starter.download(this.spec(url, spec));
      const error: unknown = await handle.wait().then(
        () => assert.fail("the download finished"),
        (error) => error,
      );
      if (!(error instanceof DownloadError)) throw error;
      assert.equal(error.code, code, inspect(error));
      assert.deepEqual(await this.outputs(), left);
      this.#checkSecrets(error);
      return error;
    } finally {
      await starter.close();
    }
  }

  /** The names in the directory of the outputs. */
  async outputs(): Promise<string[]> {
    return (await readdir(this.dir.join("out"))).sort();
  }

  /** The text of a file. */
  read(path: string): Promise<string> {
    return readFile(path, "utf8");
  }

  /** Removes the directory; servers have to be gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dir[Symbol.asyncDispose]();
  }

  #checkSecrets(error: unknown): void {
    const told = inspect([error, this.messages], { depth: Infinity, showHidden: true });
    for (const secret of this.secrets) assert.ok(!told.includes(secret), told);
  }
}
