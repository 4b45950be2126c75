import { basename } from "node:path";
import process from "node:process";
import {
  isGranted,
  look,
  type PathInfo,
  readChunks,
  readStdin,
  readStdinChunks,
  readText,
  readVariable,
} from "./host_access.ts";
import { systemClock } from "../clock.ts";
import type { Clock } from "../runtime.ts";
import { outlivesTerminal } from "./hangup.ts";
import { Outlet } from "./outlet.ts";
import { openShell, type Shell } from "./shell.ts";

export type { PathInfo } from "./host_access.ts";
export type { Shell, ShellEnd } from "./shell.ts";

/** Signals that end a program. Only Windows has SIGBREAK, which is Ctrl+Break. */
export type CliSignal = "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGBREAK";

/**
 * The environment of the command, which tests can replace. A failure is an `Error` whose message is only the
 * reason. On Deno no call causes a permission prompt.
 */
export interface CliHost {
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  /** Whether the program was certainly started with the name `bytehaul`. */
  readonly isBytehaul: boolean;
  /** Whether standard error is a terminal on which lines can be overwritten. */
  readonly isTerminal: boolean;
  readonly clock: Clock;
  /** Cells in a line of that terminal. */
  columns(): number;
  writeStdout(text: string): void;
  writeStderr(text: string): void;
  /** A variable of the environment; `undefined` when it is not set. */
  variable(name: string): string | undefined;
  readText(path: string): Promise<string>;
  /** The content of a file, read on demand. */
  readChunks(path: string): AsyncIterable<Uint8Array>;
  /** All of standard input. */
  readStdin(): Promise<string>;
  /** Standard input, read on demand. */
  readStdinChunks(): AsyncIterable<Uint8Array>;
  /** Describes a path; `undefined` when nothing has the name. */
  look(path: string): Promise<PathInfo | undefined>;
  /** The system's shell. */
  openShell(): Shell;
  /**
   * Calls `listener` for each of these signals, in place of the system's default action. The returned
   * function ends this. A process that outlives its terminal, as with `nohup`, ignores SIGHUP and continues.
   */
  onSignal(signals: readonly CliSignal[], listener: (signal: CliSignal) => void): () => void;
  /** Waits until all output has left the process. Returns the reason if standard output lost some of it. */
  flush(): Promise<string | undefined>;
  /** Ends the process immediately. */
  exit(status: number): void;
}

/** The environment of this process. */
export function createConsole(): CliHost {
  // Call this before the streams are used: a stream on a terminal listens for a signal about its size.
  const outlives = outlivesTerminal();
  const stdout = new Outlet(() => process.stdout);
  const stderr = new Outlet(() => process.stderr);
  return {
    args: process.argv.slice(2),
    isBytehaul: /^bytehaul(\.exe)?$/i.test(basename(process.execPath)),
    get isTerminal() {
      return process.stderr.isTTY === true && !isDumb();
    },
    clock: systemClock,
    columns: () => process.stderr.columns || 80,
    writeStdout: (text) => stdout.write(text),
    writeStderr: (text) => stderr.write(text),
    variable: readVariable,
    readText,
    readChunks,
    readStdin,
    readStdinChunks,
    look,
    openShell,
    onSignal: (signals, listener) => onSignal(signals, listener, outlives),
    flush: async () => {
      const [lost] = await Promise.all([stdout.flush(), stderr.flush()]);
      return lost;
    },
    exit: (status) => process.exit(status),
  };
}

function isDumb(): boolean {
  return isGranted({ name: "env", variable: "TERM" }) && process.env.TERM === "dumb";
}

function onSignal(
  signals: readonly CliSignal[],
  listener: (signal: CliSignal) => void,
  outlives: boolean,
): () => void {
  // This listener stays and does nothing. It replaces the ignored SIGHUP, which Deno undoes with the first
  // listener.
  if (outlives) listen("SIGHUP", () => {});
  const heard = signals.filter((signal) => !(outlives && signal === "SIGHUP") && listen(signal, listener));
  return () => {
    for (const signal of heard) process.off(signal, listener);
  };
}

/** Listens for a signal. Returns whether the system has it: Windows has no SIGTERM. */
function listen(signal: CliSignal, listener: (signal: CliSignal) => void): boolean {
  try {
    process.on(signal, listener as NodeJS.SignalsListener);
    return true;
  } catch {
    return false;
  }
}
