import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";

const GNU_TIME = "/usr/bin/time";
const FORMAT = "%U %S %M";
const KIB = 1024;
const MAX_KEPT_MESSAGE = 500;

/** Time and memory of one run. */
export interface Sample {
  /** Time between the start and the end of the process. */
  readonly seconds: number;
  /** User and system time of the process and of the child processes that it waited for. */
  readonly cpuSeconds: number;
  /** Peak resident memory of one of these processes. */
  readonly peakBytes: number;
  /** Whether the run was killed at its time limit; `seconds` is then the limit. */
  readonly isUnfinished?: boolean;
  /** Figures that only this scenario has, by column name. */
  readonly extra?: Readonly<Record<string, number>>;
}

/** Directory and time limit of a command. */
export interface MeasureOptions {
  /** An existing directory for the output of GNU time. */
  readonly dir: string;
  readonly maxSeconds: number;
  /** Whether a run that reaches the limit is a result, not an error. */
  readonly mayBeUnfinished?: boolean;
}

/** Throws unless GNU time is installed. */
export function requireGnuTime(): void {
  const { stdout, stderr } = spawnSync(GNU_TIME, ["--version"], { encoding: "utf8" });
  if (/GNU/.test(`${stdout}${stderr}`)) return;
  throw new Error("Cannot run: GNU time is not installed; apt-get install time");
}

/** A command that runs under GNU time. */
export class MeasuredProcess {
  readonly startedAtMs: number = performance.now();
  /** Resolves when the command has ended, with success or not. */
  readonly ended: Promise<void>;
  readonly #command: readonly string[];
  readonly #options: MeasureOptions;
  readonly #report: string;
  readonly #child: ChildProcess;
  #message = "";
  /** Exit status of the command, or the signal that ended it. */
  #end: number | string = "unknown";
  #endedAtMs = 0;
  #isOverdue = false;

  constructor(command: readonly string[], options: MeasureOptions) {
    this.#command = command;
    this.#options = options;
    this.#report = `${options.dir}/time.txt`;
    this.#child = spawn(GNU_TIME, ["-f", FORMAT, "-o", this.#report, ...command], {
      // A separate process group, because GNU time does not forward signals.
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: withoutProxies(process.env),
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#message = (this.#message + text).slice(-MAX_KEPT_MESSAGE);
    });
    this.ended = this.#wait();
  }

  /** Kills the command (SIGKILL), so that it cannot clean up. */
  kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // The command has just ended.
    }
  }

  /** Time and memory of the command; rejects when it failed. */
  async sample(): Promise<Sample> {
    await this.ended;
    const { maxSeconds, mayBeUnfinished } = this.#options;
    if (this.#isOverdue && mayBeUnfinished) {
      return { seconds: maxSeconds, cpuSeconds: NaN, peakBytes: NaN, isUnfinished: true };
    }
    if (this.#end !== 0) {
      const why = this.#isOverdue ? `took more than ${maxSeconds} s` : `ended with ${this.#end}`;
      throw new Error(`Cannot measure ${this.#command.join(" ")}: it ${why}; ${this.#message.trim()}`);
    }
    const [user, system, peakKib] = (await readFile(this.#report, "utf8")).trim().split(" ").map(Number);
    await rm(this.#report);
    return {
      // GNU time reports only hundredths of a second.
      seconds: (this.#endedAtMs - this.startedAtMs) / 1000,
      cpuSeconds: user! + system!,
      peakBytes: peakKib! * KIB,
    };
  }

  async #wait(): Promise<void> {
    const kill = (): void => this.kill();
    const timer = setTimeout(() => {
      this.#isOverdue = true;
      this.kill();
    }, this.#options.maxSeconds * 1000);
    // A terminal interrupts only its own process group.
    process.on("SIGINT", kill);
    this.#child.once("exit", () => this.#endedAtMs = performance.now());
    try {
      const [status, signal] = await once(this.#child, "close");
      this.#end = status ?? signal;
    } finally {
      clearTimeout(timer);
      process.removeListener("SIGINT", kill);
    }
  }
}

/** All servers are on this machine, where a proxy cannot reach them. */
function withoutProxies(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/_proxy$/i.test(name)));
}
