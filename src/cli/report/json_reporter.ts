import type { CliHost } from "../../runtime/console/console.ts";
import type { DownloadResult, LogLevel } from "../../types.ts";
import type { Failure } from "../run/failure.ts";
import type { Job } from "../run/job.ts";
import { encodeJsonLine, type JsonLine, type JsonSubject } from "./json_lines.ts";
import { errorMessage, message } from "./message.ts";
import type { Reporter, Verbosity } from "./reporter.ts";
import { publicUrl } from "../inputs/url.ts";

/** Reports to a program on standard output, and errors and warnings to a person on standard error. */
export class JsonReporter implements Reporter {
  readonly #host: CliHost;
  readonly #verbosity: Verbosity;
  #total: () => number | undefined = () => undefined;

  constructor(host: CliHost, verbosity: Verbosity) {
    this.#host = host;
    this.#verbosity = verbosity;
  }

  log(level: LogLevel, text: string): void {
    const { quiet, verbose } = this.#verbosity;
    if (verbose) this.#write({ type: "log", level, message: text });
    else if (level === "warn" && !quiet) this.#host.writeStderr(`${message(`warning: ${text}`)}\n`);
  }

  start(total: () => number | undefined): void {
    this.#total = total;
  }

  async follow(job: Job): Promise<void> {
    if (this.#verbosity.quiet) return;
    for await (const snapshot of job.handle) {
      const elapsedMs = Math.round(snapshot.elapsedMs);
      const retry = snapshot.retry && { ...snapshot.retry, atMs: Math.round(snapshot.retry.atMs) };
      this.#write({ type: "progress", ...subject(job), ...snapshot, elapsedMs, retry });
    }
  }

  finished(job: Job, result: DownloadResult): void {
    this.#write({ type: "result", ...subject(job), ...result, elapsedMs: Math.round(result.elapsedMs) });
  }

  failed(job: Job, failure: Failure): void {
    const { code, message: text, httpStatus, retryable } = failure;
    const { path } = job.handle.snapshot;
    this.#write({
      ...{ type: "error", ...subject(job), code, message: text, retryable },
      ...(path === undefined ? {} : { path }),
      ...(httpStatus === undefined ? {} : { status: httpStatus }),
    });
    if (code !== "paused") this.#host.writeStderr(`${errorMessage(job, text, this.#total() !== 1)}\n`);
  }

  skipped(job: Job): void {
    const { path } = job.handle.snapshot;
    this.#write({ type: "skipped", ...subject(job), ...(path === undefined ? {} : { path }) });
  }

  fault(text: string): void {
    this.#host.writeStderr(`${message(text)}\n`);
  }

  stop(): void {}

  #write(line: JsonLine): void {
    this.#host.writeStdout(encodeJsonLine(line));
  }
}

function subject({ url, index, line }: Job): JsonSubject {
  return {
    ...(url === undefined ? {} : { url: publicUrl(url) }),
    index,
    ...(line === undefined ? {} : { line }),
  };
}
