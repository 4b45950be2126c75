import { DownloadError } from "../errors.ts";
import { TokenBucket } from "../flow/token_bucket.ts";
import { onAbort } from "../lib/on_abort.ts";
import { DownloadHandle } from "./handle.ts";
import { NetworkClients } from "../net/network_clients.ts";
import { joinProxies, namesProxy, proxiesFrom } from "../options/proxy.ts";
import type { DownloadSpec } from "../options/options.ts";
import type { Proxies, ResolvedDownloaderOptions } from "../options/resolved_options.ts";
import { redact } from "../redact.ts";
import { resolveSpec } from "../options/resolve_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { discardLeftovers } from "../session/discard.ts";
import { OutputClaims } from "../session/output_claims.ts";
import { Progress } from "../session/progress.ts";
import type { StopRequest } from "../session/session.ts";
import { type QueuedDownload, SessionFactory } from "./session_factory.ts";
import { HostQueue } from "./host_queue.ts";
import type { DownloadResult, Logger } from "../types.ts";

/** Downloads that share connections, a speed limit and the order in which they run. */
export class DownloadQueue {
  readonly bucket: TokenBucket;
  readonly #runtime: Runtime;
  readonly #options: ResolvedDownloaderOptions;
  readonly #environment: Proxies;
  readonly #clients: NetworkClients;
  readonly #handles = new Set<DownloadHandle>();
  readonly #hostQueue: HostQueue;
  readonly #claims: OutputClaims | undefined;
  readonly #sessions: SessionFactory;
  /** Stopped downloads that are still saving, closing or removing files. */
  readonly #closing = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(runtime: Runtime, options: ResolvedDownloaderOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#environment = proxiesFrom(runtime.environment);
    const { network, maxConcurrentDownloads, maxDownloadsPerHost } = options;
    this.#hostQueue = new HostQueue({ total: maxConcurrentDownloads, perHost: maxDownloadsPerHost });
    const hasEnvironmentProxies = namesProxy(this.#environment);
    this.#clients = new NetworkClients({ runtime, network, hasEnvironmentProxies });
    this.bucket = new TokenBucket(runtime.clock, options.maxDownloadSpeed);
    this.#claims = options.uniqueOutputs ? new OutputClaims() : undefined;
    this.#sessions = new SessionFactory({
      runtime,
      clients: this.#clients,
      bucket: this.bucket,
      log: this.#log,
    });
    if (network.tls.insecure) {
      this.#log(
        "warn",
        "certificates are not verified: anybody on the network path can read and change the files",
      );
    }
  }

  /** Starts a download, or lets it wait. Throws a `TypeError` after `close`. */
  add(given: DownloadSpec): DownloadHandle {
    if (this.#closed !== undefined) throw new TypeError("Cannot start a download: the downloader was closed");
    const spec = resolveSpec(given, this.#options.defaults);
    const { clock } = this.#runtime;
    const proxies = joinProxies(spec.proxies, this.#options.network.proxies, this.#environment);
    const bucket = new TokenBucket(clock, spec.maxDownloadSpeed);
    const progress = new Progress(clock);
    const download = { spec, progress, bucket, proxies };
    const handle: DownloadHandle = new DownloadHandle({
      ...{ clock, progress, bucket, signal: spec.signal },
      enqueue: (begin) => this.#hostQueue.join(new URL(spec.url).host, begin),
      run: (stop) => this.#run(download, stop),
      discard: (work) => this.#discard(download, work),
      onClosed: () => this.#handles.delete(handle),
    });
    this.#handles.add(handle);
    return handle;
  }

  /** Cancels all downloads, and waits until every file is saved and closed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const handle of this.#handles) handle.cancel();
    await Promise.all([...this.#handles].map((handle) => handle.closed));
    await Promise.all(this.#closing);
    this.#clients.close();
  }

  readonly #log: Logger = (level, message) => {
    try {
      this.#options.logger(level, redact(message));
    } catch {
      // A logger that throws must not end a download.
    }
  };

  #discard({ spec, progress }: QueuedDownload, work: Promise<void>): Promise<void> {
    const done = work
      .then(() => discardLeftovers(this.#runtime, spec, progress))
      .catch((cause) => this.#log("warn", `nothing was removed: ${cause.message}`))
      .then(() => void this.#closing.delete(done));
    this.#closing.add(done);
    return done;
  }

  async #run(download: QueuedDownload, stop: StopRequest): Promise<DownloadResult> {
    const claim = this.#claims?.of(download.spec.url);
    const session = this.#sessions.create(download, claim, stop);
    // A download that was just stopped may still be writing the output that this one resumes.
    await Promise.all(this.#closing);
    stop.signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = onAbort(stop.signal, () => this.#closing.add(promise));
    try {
      await this.#clients.check();
      stop.signal.throwIfAborted();
      return await session.run();
    } catch (error) {
      if (!isNameKept(error)) claim?.release();
      throw error;
    } finally {
      this.#closing.delete(promise);
      resolve();
    }
  }
}

/**
 * Whether the name of a failed download stays taken: a file has this name, or the next run resumes from the data on
 * disk.
 */
function isNameKept(error: unknown): boolean {
  return error instanceof DownloadError && ["output_exists", "paused", "cancelled"].includes(error.code);
}
