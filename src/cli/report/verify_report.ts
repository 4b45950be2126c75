import { basename } from "node:path";
import type { VerifyResult } from "../../../mod.ts";
import type { CliHost } from "../../runtime/console/console.ts";
import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { Failure } from "../run/failure.ts";
import { formatBytes, formatPart } from "./format.ts";
import { encodeJsonLine } from "./json_lines.ts";
import { message } from "./message.ts";
import { renderProgress } from "./progress_bar.ts";
import { Terminal } from "./terminal.ts";
import { matchFact } from "./text_reporter.ts";

/** Reports the result of each file to the user or to a program. */
export interface VerifyReporter {
  progress(path: string, checked: number, total: number): void;
  checked(result: VerifyResult): void;
  failed(path: string, failure: Failure): void;
  /** All files were checked. */
  summary(matching: number, files: number): void;
  /** The checks have ended. */
  stop(): void;
}

/** Reports to a person on standard error; standard output stays empty. */
export class TextVerifyReporter implements VerifyReporter {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #current: { readonly path: string; readonly checked: number; readonly total: number } | undefined;
  #isDrawing = false;

  constructor(host: CliHost, quiet: boolean) {
    this.#terminal = new Terminal(host);
    this.#quiet = quiet;
  }

  progress(path: string, checked: number, total: number): void {
    this.#current = { path, checked, total };
    if (this.#isDrawing || this.#quiet) return;
    this.#isDrawing = true;
    this.#terminal.start((width) => this.#draw(width));
  }

  checked(result: VerifyResult): void {
    this.#current = undefined;
    const line = result.matches ? rightLine(result) : message(wrongText(result));
    if (!this.#quiet || !result.matches) this.#terminal.print(line);
  }

  failed(_path: string, failure: Failure): void {
    this.#current = undefined;
    this.#terminal.print(message(failure.message));
  }

  summary(matching: number, files: number): void {
    if (files === 1 || matching === files || this.#quiet) return;
    this.#terminal.print(message(`${matching} of ${files} files match`));
  }

  stop(): void {
    this.#terminal.stop();
  }

  #draw(width: number): string[] {
    if (this.#current === undefined) return [];
    const { path, checked, total } = this.#current;
    const snapshot = {
      ...{ state: "verifying", path, downloaded: checked, total } as const,
      ...{ speed: 0, etaSeconds: undefined, connections: 0, elapsedMs: 0, retry: undefined },
    };
    return renderProgress(
      [{ label: basename(path), snapshot }],
      { done: 0, failed: 0, paused: 0, total: 1 },
      width,
    );
  }
}

/** Reports to a program on standard output, and wrong files and errors to a person on standard error. */
export class JsonVerifyReporter implements VerifyReporter {
  readonly #host: CliHost;
  readonly #quiet: boolean;
  #reportedMs = -Infinity;

  constructor(host: CliHost, quiet: boolean) {
    this.#host = host;
    this.#quiet = quiet;
  }

  progress(path: string, checked: number, total: number): void {
    const nowMs = this.#host.clock.monotonicMs();
    if (this.#quiet || (nowMs - this.#reportedMs < 100 && checked < total)) return;
    this.#reportedMs = nowMs;
    this.#host.writeStdout(encodeJsonLine({ type: "progress", path, checked, total }));
  }

  checked(result: VerifyResult): void {
    this.#host.writeStdout(encodeJsonLine({ type: "result", ...result }));
    if (!result.matches) this.#host.writeStderr(`${message(wrongText(result))}\n`);
  }

  failed(path: string, { code, message: text, retryable }: Failure): void {
    this.#host.writeStdout(encodeJsonLine({ type: "error", path, code, message: text, retryable }));
    this.#host.writeStderr(`${message(text)}\n`);
  }

  summary(): void {}

  stop(): void {}
}

function rightLine(result: VerifyResult): string {
  const { path, size, source } = result;
  const how = source === "controlFile" ? "as its control file says" : matchFact(result.expected, source);
  return `verified ${escapeForTerminal(path)} (${formatBytes(size)}, ${how})`;
}

function wrongText(result: VerifyResult): string {
  const { path, size } = result;
  if (result.source !== "controlFile") {
    return `"${path}" is not the right file: the checksum is ${result.actual}, expected ${result.expected}`;
  }
  const { provenBytes, wrongBytes, missingBytes } = result;
  return `"${path}" is not complete: ${formatPart(provenBytes, size)} are right, ${
    formatBytes(wrongBytes)
  } wrong, ` +
    `${formatBytes(missingBytes)} missing`;
}
