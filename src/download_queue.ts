import { RateLimit, TokenBucket } from "./flow/token_bucket.ts";
import { DownloadHandle } from "./handle.ts";
import { NetworkClients } from "./net/network_clients.ts";
import { parseProxyRules, proxyOptionsFrom } from "./net/proxy.ts";
import type { ProxyOptions } from "./network_options.ts";
import type { DownloadSpec } from "./options.ts";
import type { ResolvedDownloaderOptions, ResolvedSpec } from "./resolved_options.ts";
import { redact } from "./redact.ts";
import { resolveSpec } from "./resolve_options.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { SessionContext, SessionStatus } from "./session/context.ts";
import { ProgressMeter } from "./session/progress_meter.ts";
import { runSession, type StopRequest } from "./session/session.ts";
import { Source } from "./session/source.ts";
import type { DownloadResult, Logger } from "./types.ts";
import { VERSION } from "./version.ts";
import { WaitList } from "./wait_list.ts";

/** Downloads that share connections, a speed limit and their turns. */
export class DownloadQueue {
  readonly bucket: TokenBucket;
  readonly #runtime: Runtime;
  readonly #options: ResolvedDownloaderOptions;
  readonly #environment: ProxyOptions;
  readonly #clients: NetworkClients;
  readonly #handles = new Set<DownloadHandle>();
  readonly #waiting = new WaitList<void>();
  /** Stopped downloads that still save and close their files. */
  readonly #closing = new Set<Promise<void>>();
  #running = 0;
  #closed: Promise<void> | undefined;

  constructor(runtime: Runtime, options: ResolvedDownloaderOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#environment = proxyOptionsFrom(runtime.environment);
    const { network } = options;
    const hasEnvironmentProxies = Object.keys(this.#environment).length > 0;
    this.#clients = new NetworkClients({ runtime, network, hasEnvironmentProxies });
    this.bucket = new TokenBucket(runtime.clock, options.maxDownloadSpeed);
    if (network.tls.insecure) {
      this.#log("warn", "certificates are not verified: anybody on the way can read and change the files");
    }
  }

  /** Begins a download, or lets it wait for its turn; a `TypeError` once the queue was closed. */
  add(given: DownloadSpec): DownloadHandle {
    if (this.#closed !== undefined) throw new TypeError("Cannot begin a download: the downloader was closed");
    const spec = resolveSpec(given, this.#options.defaults);
    const { clock } = this.#runtime;
    const bucket = new TokenBucket(clock, spec.maxDownloadSpeed);
    const status: SessionStatus = {
      meter: new ProgressMeter(clock),
      state: "pending",
      startedMs: undefined,
      path: undefined,
      total: undefined,
      connections: 0,
    };
    const context = this.#createContext(spec, status, bucket);
    const run = (stop: StopRequest) => this.#runInTurn(context, stop);
    const handle = new DownloadHandle({ clock, status, bucket, signal: spec.signal, run });
    this.#watch(handle);
    return handle;
  }

  /** Cancels everything, and returns once every file is saved and closed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const handle of this.#handles) handle.cancel();
    await Promise.all([...this.#handles].map((handle) => handle.closed));
    this.#clients.close();
  }

  #createContext(spec: ResolvedSpec, status: SessionStatus, bucket: TokenBucket): SessionContext {
    const limit = new RateLimit(bucket, this.bucket);
    const { url, connectTimeoutMs, readTimeoutMs, headers, cookies, allowDowngrade, refresh } = spec;
    const rules = parseProxyRules(spec.proxies, this.#options.network.proxies, this.#environment);
    const log = this.#log;
    const transport = {
      client: this.#clients.clientFor(rules),
      clock: this.#runtime.clock,
      throttle: limit,
      userAgent: `bytehaul/${VERSION}`,
      allowDowngrade,
      connectTimeoutMs,
      readTimeoutMs,
    };
    const caller = { headers, cookies };
    const source = new Source({ transport, url, caller, refresh, log });
    const { origin } = new URL(url);
    const sourceOf = (other: string) => {
      const fields = new URL(other).origin === origin ? caller : { headers: new Headers(), cookies: [] };
      return new Source({ transport, url: other, caller: fields, refresh: undefined, log });
    };
    return { runtime: this.#runtime, spec, status, limit, log, source, sourceOf, expected: undefined };
  }

  readonly #log: Logger = (level, message) => {
    try {
      this.#options.logger(level, redact(message));
    } catch {
      // A logger's failure is its own, and no reason to end a download.
    }
  };

  #watch(handle: DownloadHandle): void {
    this.#handles.add(handle);
    const settled = handle.wait().then(() => {}, () => {});
    const closed = handle.closed;
    settled.then(() => this.#closing.add(closed));
    closed.then(() => {
      this.#closing.delete(closed);
      this.#handles.delete(handle);
    });
  }

  async #runInTurn(context: SessionContext, stop: StopRequest): Promise<DownloadResult> {
    await this.#takeTurn(stop.signal);
    try {
      // A download that was just stopped may still hold the output that this one goes on with.
      await Promise.all(this.#closing);
      stop.signal.throwIfAborted();
      await this.#clients.check();
      stop.signal.throwIfAborted();
      return await runSession(context, stop);
    } finally {
      // Handed over and not given up, or one that is added just now would have it, too.
      if (!this.#waiting.wakeFirst()) this.#running--;
    }
  }

  async #takeTurn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.maxConcurrentDownloads) this.#running++;
    else await this.#waiting.wait(signal);
  }
}
