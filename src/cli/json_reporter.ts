import type { CliHost } from "../runtime/console.ts";
import type { DownloadResult, LogLevel } from "../types.ts";
import type { Failure } from "./failure.ts";
import { type Job, publicUrl } from "./job.ts";
import { encodeJsonLine, type JsonLine, type JsonSubject } from "./json_lines.ts";
import { message } from "./message.ts";
import type { Reporter, Verbosity } from "./reporter.ts";

/** Tells a program on standard output, and a person of errors and warnings on standard error. */
export class JsonReporter implements Reporter {
  readonly #host: CliHost;
  readonly #verbosity: Verbosity;

  constructor(host: CliHost, verbosity: Verbosity) {
    this.#host = host;
    this.#verbosity = verbosity;
  }

  log(level: LogLevel, text: string): void {
    const { quiet, verbose } = this.#verbosity;
    if (verbose) this.#write({ type: "log", level, message: text });
    else if (level === "warn" && !quiet) this.#host.writeStderr(`${message(`warning: ${text}`)}\n`);
  }

  start(): void {}

  async follow(job: Job): Promise<void> {
    if (this.#verbosity.quiet) return;
    for await (const snapshot of job.handle) {
      this.#write({ type: "progress", ...subject(job), ...snapshot });
    }
  }

  finished(job: Job, result: DownloadResult): void {
    this.#write({ type: "result", ...subject(job), ...result });
  }

  failed(job: Job, { code, message: text }: Failure): void {
    this.#write({ type: "error", ...subject(job), code, message: text });
    if (code !== "paused") this.#host.writeStderr(`${message(text)}\n`);
  }

  stop(): void {}

  #write(line: JsonLine): void {
    this.#host.writeStdout(encodeJsonLine(line));
  }
}

function subject({ url, index }: Job): JsonSubject {
  return { url: publicUrl(url), index };
}
