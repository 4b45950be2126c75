import assert from "node:assert/strict";
import { Downloader, type DownloaderOptions, type DownloadResult, type DownloadSpec } from "../../../mod.ts";
import {
  FaultServer,
  type FaultServerOptions,
  type RecordedRequest,
  type Reply,
} from "../../../testing/mod.ts";
import { SMALL_FILE } from "../small_file.ts";
import type { TemporaryDirectory } from "../temp.ts";
import { until } from "../until.ts";

/** Large enough that the first request does not ask for all of it. */
const SIZE = 3 * 2 ** 20 + 12_345;
const SEED = 7;
/** A connection takes half a second for the first request. */
const BYTES_PER_SECOND = 2 * 2 ** 20;

/** What to leave behind. */
export interface InterruptedOptions extends Omit<FaultServerOptions, "size" | "respond"> {
  readonly size?: number;
  /**
   * Pause once the server has sent this many bytes.
   *
   * @default {half of the file}
   */
  readonly after?: number;
  /** For the first run, and where a later one says nothing else. */
  readonly spec?: Partial<DownloadSpec>;
  /** Changes the slow responses of the first run. */
  readonly reply?: Reply;
}

/** A server, and what a paused download of its file left in a directory. */
export class Interrupted implements AsyncDisposable {
  readonly server: FaultServer;
  readonly spec: DownloadSpec & { readonly outputPath: string };
  /** How the server answers from now on. */
  respond: (request: RecordedRequest) => Reply | undefined = () => undefined;
  /** Bytes that the first run had when it was paused. */
  saved = 0;
  /** Bytes that the server had sent by then, those on their way included. */
  sent = 0;

  private constructor(server: FaultServer, spec: Interrupted["spec"]) {
    this.server = server;
    this.spec = spec;
  }

  /** Downloads into `dir` and pauses half-way. */
  static async leave(dir: TemporaryDirectory, options: InterruptedOptions = {}): Promise<Interrupted> {
    const { size = SIZE, after = size / 2, spec = {}, reply = {}, ...version } = options;
    let respond: Interrupted["respond"] = () => ({ throttle: BYTES_PER_SECOND, ...reply });
    const server = await FaultServer.start({
      seed: SEED,
      ...version,
      size,
      respond: (request) => respond(request),
    });
    const made = new Interrupted(server, {
      url: server.url,
      outputPath: dir.join("out.bin"),
      ...SMALL_FILE,
      ...spec,
    });
    try {
      await using downloader = new Downloader();
      const handle = downloader.download(made.spec);
      await server.until(() => server.bytesServed >= after);
      // On a busy machine much of it may still be on its way.
      await until(() => handle.snapshot.downloaded >= after / 2);
      handle.pause();
      await assert.rejects(handle.wait(), { code: "paused" });
      made.saved = handle.snapshot.downloaded;
      await downloader.close();
      await until(() => server.openConnections === 0);
      made.sent = server.bytesServed;
    } catch (error) {
      await server.stop();
      throw error;
    }
    respond = (request) => made.respond(request);
    return made;
  }

  get path(): string {
    return this.spec.outputPath;
  }

  get partPath(): string {
    return `${this.path}.part`;
  }

  get controlPath(): string {
    return `${this.path}.bytehaul`;
  }

  /** Begins the same download again, in a downloader of its own, and waits for its end. */
  async resume(
    changes: Partial<DownloadSpec> = {},
    options: DownloaderOptions = {},
  ): Promise<DownloadResult> {
    await using downloader = new Downloader(options);
    return await downloader.download({ ...this.spec, ...changes }).wait();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop();
  }
}
