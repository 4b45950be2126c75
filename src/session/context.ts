import type { RateLimit } from "../flow/token_bucket.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { DownloadState, Logger, PendingRetry } from "../types.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { OutputClaim } from "./output_claims.ts";
import type { ProgressMeter } from "./progress_meter.ts";
import type { Source } from "./sources/source.ts";

/** What everybody who works on one download may use. */
export interface SessionContext {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly source: Source;
  /** For another file than the one that is downloaded; it gets the caller's fields only on the same origin. */
  readonly sourceOf: (url: string) => Source;
  /** What the file must hash to, as far as it is known. */
  readonly expected: ExpectedChecksum | undefined;
  /** Keeps other downloads of the queue from the same output, where they are to be kept from it. */
  readonly claim: OutputClaim | undefined;
  readonly limit: RateLimit;
  readonly log: Logger;
  readonly status: SessionStatus;
}

/** What a download shows of itself while it runs. */
export interface SessionStatus {
  readonly meter: ProgressMeter;
  state: Extract<DownloadState, "pending" | "downloading" | "verifying">;
  /** On the monotonic clock, `undefined` while it waits for its turn. */
  startedMs: number | undefined;
  path: string | undefined;
  total: number | undefined;
  connections: number;
  /** The latest request that waits to be sent again. */
  retry: PendingRetry | undefined;
}

/** Whether the caller gave what the file must hash to, so that this decides which bytes are right. */
export function isJudgedByChecksum({ spec }: SessionContext): boolean {
  return spec.checksum !== undefined || spec.checksumFile !== undefined;
}
