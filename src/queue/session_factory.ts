import { RateLimit, type TokenBucket } from "../flow/token_bucket.ts";
import type { NetworkClients } from "../net/network_clients.ts";
import type { ProxyRules, ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { OutputClaim } from "../session/output_claims.ts";
import type { Progress } from "../session/progress.ts";
import { Session, type StopRequest } from "../session/session.ts";
import { Source } from "../session/sources/source.ts";
import type { Logger } from "../types.ts";
import { VERSION } from "../version.ts";

/** A download that was added. Very many may wait, so this has nothing that only a running download needs. */
export interface QueuedDownload {
  readonly spec: ResolvedSpec;
  readonly progress: Progress;
  /** Limits this download alone. */
  readonly bucket: TokenBucket;
  readonly proxies: ProxyRules | undefined;
}

/** What all downloads of one queue share. */
export interface SharedParts {
  readonly runtime: Runtime;
  readonly clients: NetworkClients;
  /** Limits all downloads together. */
  readonly bucket: TokenBucket;
  readonly log: Logger;
}

/** Makes the session of each running download. */
export class SessionFactory {
  readonly #shared: SharedParts;

  constructor(shared: SharedParts) {
    this.#shared = shared;
  }

  create(
    { spec, progress, bucket, proxies }: QueuedDownload,
    claim: OutputClaim | undefined,
    stop: StopRequest,
  ): Session {
    const { runtime, clients, log } = this.#shared;
    const { url, connectTimeoutMs, readTimeoutMs, headers, cookies, netrc, allowDowngrade, refresh } = spec;
    const { origin } = new URL(url);
    const limit = new RateLimit(bucket, this.#shared.bucket);
    const transport = {
      client: clients.clientFor(proxies, origin),
      clock: runtime.clock,
      throttle: limit,
      userAgent: `bytehaul/${VERSION}`,
      allowDowngrade,
      connectTimeoutMs,
      readTimeoutMs,
    };
    const caller = { headers, cookies, netrc };
    const nobody = { headers: new Headers(), cookies: [], netrc: [] };
    return new Session({
      ...{ runtime, spec, claim, limit, log, progress, stop },
      source: new Source({ transport, url, caller, refresh, log }),
      sourceOf: (other) =>
        new Source({
          ...{ transport, url: other, refresh: undefined, log },
          caller: new URL(other).origin === origin ? caller : nobody,
        }),
    });
  }
}
