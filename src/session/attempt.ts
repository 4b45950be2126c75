import { ChecksumMismatchError, DownloadError } from "../errors.ts";
import type { RetryBudget } from "../flow/backoff.ts";
import type { RateLimit } from "../flow/token_bucket.ts";
import { OVER } from "../lib/waiting.ts";
import { formatChecksum } from "../options/checksum.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Output } from "../storage/output.ts";
import type { DownloadResult, Logger } from "../types.ts";
import { Assembly } from "./assembly.ts";
import type { Progress } from "./progress.ts";
import { type ExpectedChecksum, requireDigest } from "./sources/expected_checksum.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { countFailure } from "./sources/retry.ts";
import type { Source } from "./sources/source.ts";
import type { Start } from "./start.ts";
import type { Doubt } from "./start_decision.ts";
import { runTransfer } from "./transfer/transfer.ts";

/** How the caller stops a download. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** Whether the data on disk must be removed. */
  readonly isDiscarded: () => boolean;
}

/** What an attempt works with. */
export interface AttemptOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly source: Source;
  readonly limit: RateLimit;
  readonly log: Logger;
  readonly progress: Progress;
  readonly stop: StopRequest;
  readonly output: Output;
  readonly start: Start;
  /** The checksum that the file must have, if one is known. */
  readonly expected: ExpectedChecksum | undefined;
  /** Why a wrong checksum would not prove that the server's file is wrong. */
  readonly doubt: Doubt | undefined;
}

/** The result of a completed attempt. */
export interface Outcome extends Pick<DownloadResult, "size" | "resumedBytes" | "lengthVerified"> {
  /** The checksum that the file was compared with, if there was one. */
  readonly verified: ExpectedChecksum | undefined;
}

/** Fetches the missing bytes and gives the file its name. If that fails, keeps the data that a later run can use. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #failed = new AbortController();
  /** Aborted when the download is stopped, and when a write has failed. */
  readonly #signal: AbortSignal;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.stop.signal, this.#failed.signal, options.start.sink.failed]);
  }

  async run(): Promise<Outcome> {
    const { start, expected, stop } = this.#options;
    using first = start.first;
    const assembly = await this.#openAssembly();
    try {
      if (first !== undefined) await this.#transfer(first, assembly);
      const size = await assembly.complete();
      await this.#verify(assembly, size);
      await assembly.close();
      await start.sink.commit(size, stop.signal);
      const lengthVerified = start.remote.size !== undefined;
      return { size, resumedBytes: assembly.resumedBytes, lengthVerified, verified: expected };
    } catch (error) {
      throw await this.#keepOrDiscard(assembly, error);
    } finally {
      await assembly.close();
    }
  }

  async #openAssembly(): Promise<Assembly> {
    const { start } = this.#options;
    try {
      return await Assembly.open(this.#options);
    } catch (error) {
      if (start.pieces.doneBytes === 0 && start.proof === undefined) {
        await start.sink.discard().catch(() => {}); // the failure that counts is `error`
      }
      throw error;
    }
  }

  readonly #fail = (error: unknown): void => this.#failed.abort(error);

  /** Fetches the missing bytes and saves progress meanwhile. */
  async #transfer(first: FirstResponse, assembly: Assembly): Promise<void> {
    const { runtime: { clock }, spec, source, limit, log, progress, start } = this.#options;
    const { pieces, cache, pool, connections: maxConnections } = assembly;
    const finished = new AbortController();
    const saving = assembly.saveRegularly(AbortSignal.any([this.#signal, finished.signal]))
      .catch((error) => finished.signal.aborted || this.#fail(error));
    const reports = { clock, log, progress };
    const options = {
      ...{ clock, log, spec, source, limit, pieces, cache, pool, maxConnections, progress },
      claims: assembly.openClaims,
      version: start.version,
      acceptsRanges: start.remote.acceptsRanges,
      countFailure: (error: DownloadError, budget: RetryBudget, leastMs: number) =>
        countFailure(error, budget, reports, leastMs),
      startOver: () => assembly.startOver(),
    };
    try {
      await runTransfer(options, first.take(), this.#signal);
    } finally {
      finished.abort(OVER);
      await saving;
    }
  }

  async #verify(assembly: Assembly, size: number): Promise<void> {
    const { spec, progress, output, expected } = this.#options;
    if (expected === undefined) return;
    progress.verifying();
    const hex = await assembly.digest(size, this.#signal);
    const actual = formatChecksum({ algorithm: expected.checksum.algorithm, hex });
    requireDigest(actual, expected, output.path, spec.url);
  }

  /** Keeps the data that a later run can use. Returns the error that the attempt ends with. */
  async #keepOrDiscard(assembly: Assembly, error: unknown): Promise<unknown> {
    const { spec, log, stop, start, doubt } = this.#options;
    const isMismatch = error instanceof ChecksumMismatchError;
    // What is fetched again is no evidence of anything that lasts.
    const isKept = isMismatch && doubt !== "resumed" && !start.version.isMixed && !stop.isDiscarded() &&
      !spec.discardMismatch;
    if (isKept) return await this.#keepMismatch(assembly, error);
    // A run without a checksum must not resume from a file that failed its checksum.
    await assembly.keepOrDiscard(stop.isDiscarded() || isMismatch).catch((cause) => {
      log("warn", `progress since the last checkpoint is lost: ${cause}`);
    });
    const { obstacle } = assembly;
    const isPaused = error instanceof DownloadError && error.code === "paused";
    if (!isPaused || obstacle === undefined) return error;
    return new DownloadError("paused", `The download was paused; nothing could be kept: ${obstacle}`, {
      reason: obstacle,
    });
  }

  /** Keeps the file that failed its checksum as evidence. The returned error names its path. */
  async #keepMismatch(assembly: Assembly, error: ChecksumMismatchError): Promise<ChecksumMismatchError> {
    const { log, start } = this.#options;
    const { expected, actual } = error;
    let keptPath: string | undefined;
    try {
      keptPath = await start.sink.keepMismatch();
    } catch (cause) {
      log(
        "warn",
        `${cause instanceof Error ? cause.message : cause}; the file that failed its checksum is removed`,
      );
    }
    await assembly.keepOrDiscard(true).catch((cause) => log("warn", `${cause}`));
    return new ChecksumMismatchError(expected, actual, { ...error, keptPath });
  }
}
