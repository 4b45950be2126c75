import { DownloadError, type DownloadErrorCode } from "../../errors.ts";
import type { DownloadSpec } from "../../options/options.ts";
import type { DownloadResult, ProgressSnapshot } from "../../types.ts";
import type { JobHandle } from "./job.ts";

/** Failures that another server may not have. A fault of this machine fails with every URL. */
const FAULTS_OF_A_SERVER: ReadonlySet<DownloadErrorCode> = new Set([
  ...["bad_response", "checksum_mismatch", "connect", "control_file", "dns", "http_status"] as const,
  ...["network", "proxy", "redirect", "remote_changed", "timeout", "tls"] as const,
]);

/** The alternatives, and how they are started and reported. */
export interface AlternativesOptions {
  /** The specs of the URLs, at least one, best first. */
  readonly specs: readonly (DownloadSpec & { readonly url: string })[];
  readonly download: (spec: DownloadSpec) => JobHandle;
  /** Called after a failure, before the next URL is tried. */
  readonly onNext: (failedUrl: string, error: DownloadError) => void;
}

/**
 * Fetches a file from the first of several URLs that has it. Bytes of two URLs are never mixed. The library refuses
 * to resume one URL's unfinished file from another URL, so the next run resumes from the same URL.
 */
export class Alternatives implements JobHandle {
  readonly #options: AlternativesOptions;
  readonly #outcome: Promise<DownloadResult>;
  #current: { readonly url: string; readonly handle: JobHandle };
  #isPaused = false;

  constructor(options: AlternativesOptions) {
    this.#options = options;
    const [first, ...rest] = options.specs;
    this.#current = this.#begin(first!);
    this.#outcome = this.#run(rest);
    this.#outcome.catch(() => {}); // wait() reports the failure
  }

  /** The URL that is in use, or was in use last. */
  get url(): string {
    return this.#current.url;
  }

  get snapshot(): ProgressSnapshot {
    return this.#current.handle.snapshot;
  }

  wait(): Promise<DownloadResult> {
    return this.#outcome;
  }

  pause(): void {
    this.#isPaused = true;
    this.#current.handle.pause();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot, void, void> {
    for (;;) {
      const { handle } = this.#current;
      for await (const snapshot of handle) if (snapshot.state !== "failed") yield snapshot;
      await handle.wait().catch(() => {}); // the next one has started by then, if there is one
      if (handle !== this.#current.handle) continue;
      if (handle.snapshot.state === "failed") yield handle.snapshot;
      return;
    }
  }

  #begin(spec: DownloadSpec & { readonly url: string }): { url: string; handle: JobHandle } {
    return { url: spec.url, handle: this.#options.download(spec) };
  }

  async #run(rest: AlternativesOptions["specs"]): Promise<DownloadResult> {
    let failure: DownloadError | undefined;
    for (const spec of [...rest, undefined]) {
      try {
        return await this.#current.handle.wait();
      } catch (error) {
        if (!(error instanceof DownloadError) || !FAULTS_OF_A_SERVER.has(error.code)) throw error;
        // "Another URL's unfinished file has the name" says less than the failure of that other URL.
        if (failure === undefined || error.code !== "control_file") failure = error;
        if (spec === undefined || this.#isPaused) throw failure;
        this.#options.onNext(this.#current.url, error);
        this.#current = this.#begin(spec);
      }
    }
    throw failure;
  }
}
