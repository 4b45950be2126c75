import { DownloadError } from "../errors.ts";
import { TokenBucket } from "../flow/token_bucket.ts";
import { onAbort } from "../lib/on_abort.ts";
import { DownloadHandle } from "./handle.ts";
import { NetworkClients } from "../net/network_clients.ts";
import { proxyOptionsFrom, proxyRulesWithin } from "../options/proxy.ts";
import type { ProxyOptions } from "../options/network_options.ts";
import type { DownloadSpec } from "../options/options.ts";
import type { ResolvedDownloaderOptions } from "../options/resolved_options.ts";
import { redact } from "../redact.ts";
import { resolveSpec } from "../options/resolve_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { SessionStatus } from "../session/context.ts";
import { discardLeftovers } from "../session/discard.ts";
import { OutputClaims } from "../session/output_claims.ts";
import { ProgressMeter } from "../session/progress_meter.ts";
import { runSession, type StopRequest } from "../session/session.ts";
      enqueue: (begin) => this.#hostQueue.join(new URL(spec.url).host, begin),
      run: (stop) => this.#run(download, stop),
      discard: (work) => this.#discard(download, work),
