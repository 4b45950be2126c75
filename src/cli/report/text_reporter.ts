import type { CliHost } from "../../runtime/console/console.ts";
import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { ChecksumSource, DownloadResult, LogLevel } from "../../types.ts";
import type { Failure } from "../run/failure.ts";
import { formatBytes, formatRate } from "./format.ts";
import { type Job, jobLabel } from "../run/job.ts";
import { errorMessage, message } from "./message.ts";
import { type ProgressRow, renderProgress } from "./progress_bar.ts";
import type { Reporter, Verbosity } from "./reporter.ts";
import { renderRetryNote } from "./retry_note.ts";
import { Terminal } from "./terminal.ts";

/** Reports to a person on standard error; standard output stays empty. */
export class TextReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #verbosity: Verbosity;
  readonly #host: CliHost;
  readonly #jobs = new Set<Job>();
  readonly #tally = { done: 0, failed: 0, paused: 0 };
  #saved = 0;
  #total: () => number | undefined = () => undefined;

  constructor(host: CliHost, verbosity: Verbosity) {
    this.#host = host;
    this.#terminal = new Terminal(host);
    this.#verbosity = verbosity;
  }

  log(level: LogLevel, text: string): void {
    const { quiet, verbose } = this.#verbosity;
    if (!verbose && (quiet || level !== "warn")) return;
    this.#terminal.print(message(`${level === "warn" ? "warning" : level}: ${text}`));
  }

  start(total: () => number | undefined): void {
    this.#total = total;
    if (!this.#verbosity.quiet) this.#terminal.start((width) => this.#draw(width));
  }

  follow(job: Job): Promise<void> {
    this.#jobs.add(job);
    return Promise.resolve();
  }

  finished(job: Job, result: DownloadResult): void {
    this.#jobs.delete(job);
    this.#tally.done++;
    this.#saved++;
    if (!this.#verbosity.quiet) this.#terminal.print(savedLine(result));
  }

  failed(job: Job, { code, message: text }: Failure): void {
    this.#jobs.delete(job);
    if (code === "paused") {
      // Only an interruption pauses downloads. They are reported once everything has stopped.
      this.#tally.paused++;
      return;
    }
    this.#tally.failed++;
    this.#terminal.print(errorMessage(job, text, this.#total() !== 1));
  }

  skipped(job: Job): void {
    this.#jobs.delete(job);
    this.#tally.done++;
    if (this.#verbosity.quiet) return;
    this.#terminal.print(
      `kept ${escapeForTerminal(job.handle.snapshot.path ?? jobLabel(job))}, which existed already`,
    );
  }

  fault(text: string): void {
    this.#terminal.print(message(text));
  }

  stop(): void {
    this.#terminal.stop();
    const { done, failed, paused } = this.#tally;
    const total = this.#total() ?? done + failed + paused;
    if (failed === 0 || total === 1 || this.#verbosity.quiet) return;
    const existed = done > this.#saved ? `, ${done - this.#saved} existed already` : "";
    this.#terminal.print(message(`${this.#saved} of ${total} files saved${existed}`));
  }

  #draw(width: number): string[] {
    const nowMs = this.#host.clock.wallMs();
    const rows = [...this.#jobs].map((job): ProgressRow => {
      const { snapshot } = job.handle;
      return {
        ...{ label: jobLabel(job), snapshot },
        note: snapshot.retry && renderRetryNote(snapshot.retry, nowMs),
      };
    });
    return renderProgress(rows, { ...this.#tally, total: this.#total() }, width);
  }
}

/** The checksum that matched, and its source unless it was on the command line. */
export function matchFact(checksum: string, source: ChecksumSource | undefined): string {
  const from = source === undefined || source === "checksum"
    ? ""
    : ` (${source === "checksumFile" ? "checksum file" : source})`;
  return `${checksum.split(":")[0]} matches${from}`;
}

function savedLine(result: DownloadResult): string {
  const { path, size, fetchedBytes, resumedBytes, elapsedMs, lengthVerified, checksum, checksumSource } =
    result;
  const facts = [formatBytes(size)];
  const isReused = fetchedBytes === 0 && resumedBytes > 0 && resumedBytes === size;
  if (isReused) facts.push("all of it existed already");
  else if (resumedBytes > 0) facts.push(`${formatBytes(resumedBytes)} of it from an earlier run`);
  if (!isReused) facts.push(formatRate(fetchedBytes * 1000 / Math.max(1, elapsedMs)));
  if (checksum !== undefined) facts.push(matchFact(checksum, checksumSource));
  if (!lengthVerified) facts.push("the server sent no size to compare with");
  return `saved ${escapeForTerminal(path)} (${facts.join(", ")})`;
}
