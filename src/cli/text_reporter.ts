import type { CliHost } from "../runtime/console.ts";
import { escapeForTerminal } from "../terminal_text.ts";
import type { DownloadResult, LogLevel } from "../types.ts";
import type { Failure } from "./failure.ts";
import { formatBytes, formatRate } from "./format.ts";
import { type Job, jobLabel } from "./job.ts";
import { message } from "./message.ts";
import { renderProgress } from "./progress_bar.ts";
import type { Reporter, Verbosity } from "./reporter.ts";
import { Terminal } from "./terminal.ts";

/** Tells a person on standard error; standard output stays empty. */
export class TextReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #verbosity: Verbosity;
  #several = false;

  constructor(host: CliHost, verbosity: Verbosity) {
    this.#terminal = new Terminal(host);
    this.#verbosity = verbosity;
  }

  log(level: LogLevel, text: string): void {
    const { quiet, verbose } = this.#verbosity;
    if (!verbose && (quiet || level !== "warn")) return;
    this.#terminal.print(message(`${level === "warn" ? "warning" : level}: ${text}`));
  }

  start(jobs: readonly Job[]): void {
    this.#several = jobs.length > 1;
    if (this.#verbosity.quiet) return;
    this.#terminal.start((width) =>
      renderProgress(jobs.map((job) => ({ label: jobLabel(job), snapshot: job.handle.snapshot })), width)
    );
  }

  follow(): Promise<void> {
    return Promise.resolve();
  }

  finished(_job: Job, result: DownloadResult): void {
    if (!this.#verbosity.quiet) this.#terminal.print(savedLine(result));
  }

  failed(job: Job, { code, message: text }: Failure): void {
    // Only an interruption pauses, and what it left is told once everything has stopped.
    if (code === "paused") return;
    this.#terminal.print(message(this.#several ? `${jobLabel(job)}: ${text}` : text));
  }

  stop(): void {
    this.#terminal.stop();
  }
}

function savedLine(
  { path, size, fetchedBytes, elapsedMs, lengthVerified, checksum }: DownloadResult,
): string {
  const facts = [formatBytes(size), formatRate(fetchedBytes * 1000 / Math.max(1, elapsedMs))];
  if (checksum !== undefined) facts.push(`${checksum.split(":")[0]} matches`);
  if (!lengthVerified) facts.push("the server told no size to compare with");
  return `saved ${escapeForTerminal(path)} (${facts.join(", ")})`;
}
