import { ChecksumMismatchError } from "../errors.ts";
import type { RateLimit } from "../flow/token_bucket.ts";
import { formatChecksum } from "../options/checksum.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { discard, removeMismatch } from "../storage/discard.ts";
import { type FinishedOutput, inspect } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import type { DownloadResult, Logger } from "../types.ts";
import { checkDigest } from "../verify/file_check.ts";
import { Attempt, type Outcome, type StopRequest } from "./attempt.ts";
import { ExistingFiles } from "./existing.ts";
import { noteKeptProgress } from "./sources/kept_progress.ts";
import { locate, type Located } from "./locate.ts";
import type { OutputClaim } from "./output_claims.ts";
import type { Progress } from "./progress.ts";
import { findLeftovers, type Interrupted } from "./resume.ts";
import {
  expectedByCaller,
  expectedByServer,
  type ExpectedChecksum,
  requireDigest,
} from "./sources/expected_checksum.ts";
import { fetchList } from "./sources/fetch_list.ts";
import { FirstRequests } from "./sources/first_request.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import type { KnownVersion } from "./sources/known_version.ts";
import { Prober } from "./sources/prober.ts";
import type { Source } from "./sources/source.ts";
import type { Start } from "./start.ts";
import { decideRestart, type Doubt, type Restart } from "./start_decision.ts";
import { Starter } from "./starter.ts";
import { isOfUrl } from "./sources/url_hash.ts";

export type { StopRequest };

/** What one download works with. */
export interface SessionOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly source: Source;
  /** Makes a source for another file, such as a checksum list. It gets the caller's fields only on the same origin. */
  readonly sourceOf: (url: string) => Source;
  /** Claims the output, so that no other download of the queue writes it; `undefined` where that is allowed. */
  readonly claim: OutputClaim | undefined;
  readonly limit: RateLimit;
  readonly log: Logger;
  readonly progress: Progress;
  readonly stop: StopRequest;
}

/** One download, from its URL to its final name. */
export class Session {
  readonly #options: SessionOptions;
  readonly #requests: FirstRequests;
  readonly #prober: Prober;
  /** The caller's checksum for the file. */
  #expected: ExpectedChecksum | undefined;
  /** The version that the latest attempt fetches. */
  #version: KnownVersion | undefined;

  constructor(options: SessionOptions) {
    const { runtime: { clock }, stop: { signal } } = options;
    const tools = { ...options, clock, signal };
    this.#options = options;
    this.#requests = new FirstRequests(tools);
    this.#prober = new Prober(tools, this.#requests);
  }

  /** Runs the download, once. */
  async run(): Promise<DownloadResult> {
    const { runtime: { clock }, log, progress } = this.#options;
    const startedMs = clock.monotonicMs();
    progress.started();
    const { output, first, expected, right } = await this.#locate();
    this.#expected = expected;
    try {
      using named = first;
      const { verified, ...outcome } = right === undefined
        ? await this.#fetch(output, named)
        : { size: right.size, resumedBytes: right.size, lengthVerified: true, verified: expected };
      return {
        path: output.path,
        fetchedBytes: progress.fetched,
        checksum: verified && formatChecksum(verified.checksum),
        checksumSource: verified?.source,
        elapsedMs: clock.monotonicMs() - startedMs,
        ...outcome,
      };
    } finally {
      // A failed release does not change the result of the download.
      await output.release().catch((cause) => log("warn", `${cause.message}; remove it`));
    }
  }

  /** Determines the path of the file and takes the output. */
  #locate(): Promise<Located> {
    const { runtime, spec, sourceOf, log, progress, stop: { signal } } = this.#options;
    const retries = { clock: runtime.clock, log, progress };
    const lists = { runtime, fetchList: (url: string) => fetchList(sourceOf(url), spec, retries, signal) };
    const expectedOf = (path: string) => expectedByCaller(path, spec, lists, signal);
    const existing = new ExistingFiles({ ...this.#options, signal, expectedOf });
    return locate(existing, () => this.#prober.probeForName(), this.#options);
  }

  /** Resumes or starts at byte 0. Restarts once where that may help. */
  async #fetch(output: Output, named: FirstResponse | undefined): Promise<Outcome> {
    const { spec, log, progress, stop } = this.#options;
    const found = await inspect(output, (file) => isOfUrl(file, spec.url));
    if (found.kind === "finished") return await this.#finishEarlier(output, found);
    const interrupted = await findLeftovers(output, found, this.#options);
    const tools = { ...this.#options, requests: this.#requests, prober: this.#prober, signal: stop.signal };
    const starter = new Starter(output, tools);
    let doubt: Doubt | undefined;
    try {
      const start = await starter.start(interrupted, named);
      doubt = doubtOf(start, interrupted);
      return await this.#attempt(output, start, doubt);
    } catch (error) {
      if (stop.isDiscarded()) await discard(output).catch((cause) => log("warn", cause.message));
      const next = decideRestart(error, doubt, this.#version);
      if (next.kind === "fail") {
        const isKept = interrupted !== undefined || progress.downloaded > 0;
        throw isKept ? noteKeptProgress(error) : error;
      }
      log("warn", next.reason);
      progress.fetching();
      return await this.#restart(output, starter, next, error);
    }
  }

  /** Fetches the file once more. A file that failed its checksum is kept until the new one is complete. */
  async #restart(output: Output, starter: Starter, next: Restart, first: unknown): Promise<Outcome> {
    const { log, stop } = this.#options;
    let outcome: Outcome;
    try {
      const start = next.kind === "restart"
        ? await starter.start(undefined, undefined)
        : await starter.startPlainly(next.like);
      outcome = await this.#attempt(output, start, undefined);
    } catch (error) {
      const isStopped = stop.signal.aborted;
      if (isStopped || !isKeptMismatch(first) || error instanceof ChecksumMismatchError) throw error;
      log("warn", `${error instanceof Error ? error.message : error}; this was the second attempt`);
      throw first;
    }
    // The file has its name, so this failure is not one of the download.
    if (isKeptMismatch(first)) await removeMismatch(output).catch((cause) => log("warn", cause.message));
    return outcome;
  }

  /** Fetches the missing bytes, verifies the file and gives it its name. */
  async #attempt(output: Output, start: Start, doubt: Doubt | undefined): Promise<Outcome> {
    this.#version = start.version;
    const published = this.#options.spec.publishedDigest && start.first
      ? expectedByServer(start.first)
      : undefined;
    const expected = this.#expected ?? published;
    return await new Attempt({ ...this.#options, output, start, expected, doubt }).run();
  }

  /** Finishes the work of an earlier run that was killed after it had given the file its name. */
  async #finishEarlier(output: Output, finished: FinishedOutput): Promise<Outcome> {
    const { runtime, spec, log, stop } = this.#options;
    const expected = this.#expected;
    const { size } = finished;
    if (expected !== undefined) {
      // An earlier run may have had another checksum, or none.
      const check = { runtime, path: output.path, signal: stop.signal, onProgress: () => {} };
      const { actual } = await checkDigest(check, expected.checksum, "checksum");
      requireDigest(actual, expected, output.path, spec.url);
    }
    await finished.commit();
    log("info", `"${output.path}" was finished by an earlier run`);
    return { size, resumedBytes: size, lengthVerified: true, verified: expected };
  }
}

function doubtOf({ remote }: Start, interrupted: Interrupted | undefined): Doubt | undefined {
  if (interrupted !== undefined) return "resumed";
  return remote.size === undefined ? "length unknown" : undefined;
}

function isKeptMismatch(error: unknown): boolean {
  return error instanceof ChecksumMismatchError && error.keptPath !== undefined;
}
