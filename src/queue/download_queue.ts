import { DownloadError } from "../errors.ts";
import { RateLimit, TokenBucket } from "../flow/token_bucket.ts";
import { DownloadHandle } from "./handle.ts";
import { NetworkClients } from "../net/network_clients.ts";
import { joinProxies, namesProxy, proxiesFrom } from "../options/proxy.ts";
import type { DownloadSpec } from "../options/options.ts";
import type {
  Proxies,
  ProxyRules,
  ResolvedDownloaderOptions,
  ResolvedSpec,
} from "../options/resolved_options.ts";
import { redact } from "../redact.ts";
import { resolveSpec } from "../options/resolve_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { SessionContext, SessionStatus } from "../session/context.ts";
import { discardLeftovers } from "../session/discard.ts";
import { OutputClaims } from "../session/output_claims.ts";
import { ProgressMeter } from "../session/progress_meter.ts";
import { runSession, type StopRequest } from "../session/session.ts";
import { Source } from "../session/sources/source.ts";
import { Turns } from "./turns.ts";
import type { DownloadResult, Logger } from "../types.ts";
import { VERSION } from "../version.ts";

/** Downloads that share connections, a speed limit and their turns. */
export class DownloadQueue {
  readonly bucket: TokenBucket;
  readonly #runtime: Runtime;
  readonly #options: ResolvedDownloaderOptions;
  readonly #environment: Proxies;
  readonly #clients: NetworkClients;
  readonly #handles = new Set<DownloadHandle>();
  readonly #turns: Turns;
  readonly #claims: OutputClaims | undefined;
  /** Stopped downloads that still save, close or remove their files. */
  readonly #closing = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(runtime: Runtime, options: ResolvedDownloaderOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#environment = proxiesFrom(runtime.environment);
    const { network, maxConcurrentDownloads, maxDownloadsPerHost } = options;
    this.#claims = options.uniqueOutputs ? new OutputClaims() : undefined;
    this.#turns = new Turns({ total: maxConcurrentDownloads, perHost: maxDownloadsPerHost });
    const hasEnvironmentProxies = namesProxy(this.#environment);
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
    const rules = joinProxies(spec.proxies, this.#options.network.proxies, this.#environment);
    const bucket = new TokenBucket(clock, spec.maxDownloadSpeed);
    const status: SessionStatus = {
      meter: new ProgressMeter(clock),
      state: "pending",
      startedMs: undefined,
      path: undefined,
      total: undefined,
      connections: 0,
      retry: undefined,
    };
    const handle: DownloadHandle = new DownloadHandle({
      ...{ clock, status, bucket, signal: spec.signal },
      takeTurn: (begin) => this.#turns.take(new URL(spec.url).host, begin),
      run: (stop) => this.#run(spec, status, bucket, rules, stop),
      discard: (work) => this.#discard(spec, status, work),
      onClosed: () => this.#handles.delete(handle),
    });
    this.#handles.add(handle);
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
    await Promise.all(this.#closing);
    this.#clients.close();
  }

  #createContext(
    spec: ResolvedSpec,
    status: SessionStatus,
    bucket: TokenBucket,
    rules: ProxyRules | undefined,
  ): SessionContext {
    const limit = new RateLimit(bucket, this.bucket);
    const { url, connectTimeoutMs, readTimeoutMs, headers, cookies, netrc, allowDowngrade, refresh } = spec;
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
    const caller = { headers, cookies, netrc };
    const source = new Source({ transport, url, caller, refresh, log });
    const { origin } = new URL(url);
    const sourceOf = (other: string) => {
      const fields = new URL(other).origin === origin
        ? caller
        : { headers: new Headers(), cookies: [], netrc: [] };
      return new Source({ transport, url: other, caller: fields, refresh: undefined, log });
    };
    const claim = this.#claims?.of(url);
    return { runtime: this.#runtime, spec, status, limit, log, source, sourceOf, claim, expected: undefined };
  }

  readonly #log: Logger = (level, message) => {
    try {
      this.#options.logger(level, redact(message));
    } catch {
      // A logger's failure is its own, and no reason to end a download.
    }
  };

  #discard(spec: ResolvedSpec, status: SessionStatus, work: Promise<void>): Promise<void> {
    const done = work
      .then(() => discardLeftovers({ runtime: this.#runtime, spec, status }))
      .catch((cause) => this.#log("warn", `nothing was removed: ${cause.message}`))
      .then(() => void this.#closing.delete(done));
    this.#closing.add(done);
    return done;
  }

  /** What only a running download needs is made here, as very many may wait. */
  async #run(
    spec: ResolvedSpec,
    status: SessionStatus,
    bucket: TokenBucket,
    rules: ProxyRules | undefined,
    stop: StopRequest,
  ): Promise<DownloadResult> {
    const context = this.#createContext(spec, status, bucket, rules);
    // A download that was just stopped may still hold the output that this one goes on with.
    await Promise.all(this.#closing);
    const { promise, resolve } = Promise.withResolvers<void>();
    const closing = () => this.#closing.add(promise);
    stop.signal.throwIfAborted();
    stop.signal.addEventListener("abort", closing, { once: true });
    try {
      await this.#clients.check();
      stop.signal.throwIfAborted();
      return await runSession(context, stop);
    } catch (error) {
      if (!isNameKept(error)) context.claim?.release();
      throw error;
    } finally {
      this.#closing.delete(promise);
      resolve();
    }
  }
}

/** Whether a download that failed still has its name: a file has it, or the next run goes on with what is there. */
function isNameKept(error: unknown): boolean {
  return error instanceof DownloadError && ["output_exists", "paused", "cancelled"].includes(error.code);
}
