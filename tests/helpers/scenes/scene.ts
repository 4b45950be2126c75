import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Downloader, DownloadError, type DownloadErrorCode } from "../../../mod.ts";
import type { DownloadHandle, DownloadResult, DownloadSpec, LogLevel } from "../../../mod.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer, type FaultServerOptions, type RecordedRequest } from "../../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";
import { SMALL_FILE } from "../small_file.ts";

/** What a download leaves for a later run. */
export const KEPT: readonly string[] = ["file.bin.bytehaul", "file.bin.part"];

/** One connection, so that what is requested follows from what was sent. */
const DEFAULTS = { ...SMALL_FILE, maxConnections: 1, pieceSize: 16_384 } as const;

/** A message for the logger. */
export interface Message {
  readonly level: LogLevel;
  readonly message: string;
}

/** A download that failed. */
export interface Failure {
  readonly error: DownloadError;
  /** Bytes that were there when it did. */
  readonly downloaded: number;
}

/** What begins downloads: the `Downloader` itself, or what stands behind it. */
export interface Starter {
  download(spec: DownloadSpec): DownloadHandle;
  close(): Promise<void>;
}

/**
 * A server, an empty directory and a downloader: downloads of one file from end to end, and what they leave.
 * At every request it is checked that the final name is still free.
 */
export class Scene implements AsyncDisposable {
  readonly server: FaultServer;
  readonly directory: TemporaryDirectory;
  /** What downloads are expected to make. */
  readonly path: string;
  /** What the downloader had to tell. */
  readonly messages: readonly Message[];
  /** What the server does with a request; tests change it between runs. */
  respond: NonNullable<FaultServerOptions["respond"]>;
  readonly #starter: Starter;

  private constructor(server: FaultServer, directory: TemporaryDirectory, scene: SceneParts) {
    this.server = server;
    this.directory = directory;
    this.path = directory.join("file.bin");
    this.messages = scene.messages;
    this.respond = scene.respond ?? (() => undefined);
    this.#starter = scene.starter;
  }

  /** Opens a scene with a file of `size` bytes on its server. `start` makes another downloader than the usual. */
  static async open(
    options: FaultServerOptions,
    start: (logger: (level: LogLevel, message: string) => void) => Starter = (logger) =>
      new Downloader({ logger }),
  ): Promise<Scene> {
    const messages: Message[] = [];
    const starter = start((level, message) => void messages.push({ level, message }));
    const server = await FaultServer.start({ ...options, respond: (request) => scene.#answer(request) });
    const { respond } = options;
    const scene = new Scene(server, await temporaryDirectory(), { messages, respond, starter });
    return scene;
  }

  /** Begins a download of the file. */
  download(spec: Partial<DownloadSpec> = {}): DownloadHandle {
    return this.#starter.download({ ...DEFAULTS, url: this.server.url, outputPath: this.path, ...spec });
  }

  /** Downloads the file, and checks that it is the server's, whole, and alone in its directory. */
  async complete(spec: Partial<DownloadSpec> = {}): Promise<DownloadResult> {
    return await this.completed(this.download(spec));
  }

  /** As `complete`, for a download under way. */
  async completed(handle: DownloadHandle): Promise<DownloadResult> {
    const result = await handle.wait();
    const { seed, size } = this.server.version;
    await assertFileIs(this.path, seed, size);
    await this.assertLeft(["file.bin"]);
    assert.equal(result.path, this.path);
    assert.equal(result.size, size);
    assert.equal(handle.snapshot.state, "completed");
    return result;
  }

  /** Lets a download fail, and checks that it failed as `code` and that nothing got the final name. */
  async fail(code: DownloadErrorCode, spec: Partial<DownloadSpec> = {}): Promise<Failure> {
    return await this.failed(code, this.download(spec));
  }

  /** As `fail`, for a download under way. */
  async failed(code: DownloadErrorCode, handle: DownloadHandle): Promise<Failure> {
    const error: unknown = await handle.wait().then(
      () => assert.fail("the download finished"),
      (error) => error,
    );
    if (!(error instanceof DownloadError)) throw error;
    assert.equal(error.code, code, error.message);
    assert.ok(!existsSync(this.path), "a failed download gave the final name");
    assert.equal(handle.snapshot.state, "failed");
    return { error, downloaded: handle.snapshot.downloaded };
  }

  /** Checks which names are in the directory. */
  async assertLeft(names: readonly string[]): Promise<void> {
    assert.deepEqual(await this.directory.list(), names);
  }

  /** Offsets at which the requests from number `from` on began. */
  starts(from = 0): (number | undefined)[] {
    return this.server.requests.slice(from).map(({ range }) => range?.start);
  }

  /** Whether the caller was told something that matches. */
  wasTold(level: LogLevel, pattern: RegExp): boolean {
    return this.messages.some((told) => told.level === level && pattern.test(told.message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#starter.close();
    await this.directory[Symbol.asyncDispose]();
    await this.server.stop();
  }

  #answer(request: RecordedRequest): ReturnType<Scene["respond"]> {
    if (existsSync(this.path)) throw new Error("The final name exists while bytes are still asked for");
    return this.respond(request);
  }
}

interface SceneParts extends Pick<FaultServerOptions, "respond"> {
  readonly messages: readonly Message[];
  readonly starter: Starter;
}
