import process from "node:process";

/** Signals that ask a program to end. */
export type CliSignal = "SIGINT" | "SIGTERM";

/** The program's surroundings, so that tests can stand in for them. */
export interface CliHost {
  /** What stands on the command line after the program's name. */
  readonly args: readonly string[];
  /** Whether standard error is a terminal. */
  readonly isTerminal: boolean;
  /** Cells in a line of that terminal. */
  columns(): number;
  writeStdout(text: string): void;
  writeStderr(text: string): void;
  /** Calls `listener` for each such signal, in place of what the system would do, until the result is called. */
  onSignal(signals: readonly CliSignal[], listener: () => void): () => void;
  /** Waits until what was written has left the process. */
  flush(): Promise<void>;
  /** Ends the process at once. */
  exit(status: number): void;
}

/** The surroundings of this process. */
export function createConsole(): CliHost {
  // A reader that went away, as `head` does, is no reason to end a download.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  return {
    args: process.argv.slice(2),
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns || 80,
    writeStdout: (text) => void process.stdout.write(text),
    writeStderr: (text) => void process.stderr.write(text),
    onSignal,
    flush: async () => {
      await Promise.all([process.stdout, process.stderr].map((stream) =>
        new Promise<void>((resolve) => {
          stream.write("", () => resolve());
        })
      ));
    },
    exit: (status) => process.exit(status),
  };
}

function onSignal(signals: readonly CliSignal[], listener: () => void): () => void {
  const heard = signals.filter((signal) => {
    try {
      process.on(signal, listener);
      return true;
    } catch {
      // Windows has no SIGTERM to listen for.
      return false;
    }
  });
  return () => {
    for (const signal of heard) process.off(signal, listener);
  };
}
