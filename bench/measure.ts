import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";

const GNU_TIME = "/usr/bin/time";
const FORMAT = "%U %S %M";
const KIB = 1024;
const MAX_KEPT_MESSAGE = 500;

/** What one run took. */
export interface Sample {
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** In user and in system mode, of the process and of those it waited for. */
  readonly cpuSeconds: number;
  /** The most memory that one of these processes had resident. */
  readonly peakBytes: number;
  /** It did not end in time and was killed; `seconds` is the time it had. */
  readonly isUnfinished?: boolean;
  /** Figures that only this scenario has, by the name of their column. */
  readonly extra?: Readonly<Record<string, number>>;
}

/** Where a command runs and for how long. */
export interface MeasureOptions {
  /** An existing directory, for what GNU time writes. */
  readonly dir: string;
  readonly maxSeconds: number;
  /** Whether to take more than that is a result, and not an error. */
  readonly mayBeUnfinished?: boolean;
}

/** Throws unless GNU time is installed. */
export function requireGnuTime(): void {
  const { stdout, stderr } = spawnSync(GNU_TIME, ["--version"], { encoding: "utf8" });
  if (/GNU/.test(`${stdout}${stderr}`)) return;
  throw new Error("Cannot run: GNU time is not installed; apt-get install time");
}

/** A command at work under GNU time. */
export class MeasuredProcess {
  readonly startedAtMs: number = performance.now();
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>;
  readonly #command: readonly string[];
  readonly #options: MeasureOptions;
  readonly #report: string;
  readonly #child: ChildProcess;
  #message = "";
  /** Its status, or the signal that ended it. */
  #end: number | string = "unknown";
  #endedAtMs = 0;
  #isOverdue = false;

  constructor(command: readonly string[], options: MeasureOptions) {
    this.#command = command;
    this.#options = options;
    this.#report = `${options.dir}/time.txt`;
    this.#child = spawn(GNU_TIME, ["-f", FORMAT, "-o", this.#report, ...command], {
      // A group of its own: GNU time does not pass signals on.
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: withoutProxies(process.env),
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#message = (this.#message + text).slice(-MAX_KEPT_MESSAGE);
    });
    this.ended = this.#wait();
  }

  /** Ends it at once, without a chance to tidy up. */
  kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  /** What it took; rejects when it failed. */
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
      // GNU time would tell only hundredths.
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
    // A terminal interrupts only its own group.
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

/** All is on this machine, and a proxy could not reach it. */
function withoutProxies(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/_proxy$/i.test(name)));
}
