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

/** Signals that ask a program to end; only Windows has SIGBREAK, which is Ctrl+Break. */
export type CliSignal = "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGBREAK";

/**
 * The program's surroundings, so that tests can stand in for them. What cannot be had is refused with an `Error`
 * whose message is the reason alone; Deno is never made to ask for a permission.
 */
export interface CliHost {
  /** What stands on the command line after the program's name. */
  readonly args: readonly string[];
  /** Whether the program was surely started by the name `bytehaul`. */
  readonly isBytehaul: boolean;
  /** Whether standard error is a terminal on which lines can be drawn over. */
  readonly isTerminal: boolean;
  readonly clock: Clock;
  /** Cells in a line of that terminal. */
  columns(): number;
  writeStdout(text: string): void;
  writeStderr(text: string): void;
  /** A variable of the environment, `undefined` when it is not set. */
  variable(name: string): string | undefined;
  readText(path: string): Promise<string>;
  /** What a file holds, read as it is asked for. */
  readChunks(path: string): AsyncIterable<Uint8Array>;
  /** All of standard input. */
  readStdin(): Promise<string>;
  /** Standard input, read as it is asked for. */
  readStdinChunks(): AsyncIterable<Uint8Array>;
  /** `undefined` when nothing is there. */
  look(path: string): Promise<PathInfo | undefined>;
  /** The system's shell. */
  openShell(): Shell;
  /**
   * Calls `listener` for each such signal, in place of what the system would do, until the result is called. A process
   * that is to outlive its terminal, as with `nohup`, hears no SIGHUP and goes on.
   */
  onSignal(signals: readonly CliSignal[], listener: (signal: CliSignal) => void): () => void;
  /** Waits until what was written has left the process, and returns why standard output did not take all of it. */
  flush(): Promise<string | undefined>;
  /** Ends the process at once. */
  exit(status: number): void;
}

/** The surroundings of this process. */
export function createConsole(): CliHost {
  // Before the streams, as one on a terminal listens for its size.
  const outlives = outlivesTerminal();
  const stdout = new Outlet(process.stdout);
  const stderr = new Outlet(process.stderr);
  return {
    args: process.argv.slice(2),
    isBytehaul: /^bytehaul(\.exe)?$/i.test(basename(process.execPath)),
    isTerminal: process.stderr.isTTY === true && !isDumb(),
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
  // It stays, and stands for the order to ignore it, which Deno drops with the first listener.
  if (outlives) listen("SIGHUP", () => {});
  const heard = signals.filter((signal) => !(outlives && signal === "SIGHUP") && listen(signal, listener));
  return () => {
    for (const signal of heard) process.off(signal, listener);
  };
}

/** Whether the system has such a signal: Windows has no SIGTERM to listen for. */
function listen(signal: CliSignal, listener: (signal: CliSignal) => void): boolean {
  try {
    process.on(signal, listener as NodeJS.SignalsListener);
    return true;
  } catch {
    return false;
  }
}
