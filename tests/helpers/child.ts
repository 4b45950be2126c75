import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const MAX_LIFETIME_MS = 60_000;

/** How a process ended. */
export interface ChildEnd {
  /** Its exit status, `null` when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start a process. */
export interface ChildOptions {
  /**
   * What stands between `deno run` and the script; Bun has no such thing.
   *
   * @default {["-A"]}
   */
  readonly denoFlags?: readonly string[];
  /**
   * Whether the script is a program of its own, which needs no runtime.
   *
   * @default {false}
   */
  readonly isProgram?: boolean;
  /** Variables to add to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * Milliseconds after which it is killed.
   *
   * @default {60000}
   */
  readonly maxLifetimeMs?: number;
}

/** A script in a process of its own, on the runtime the test runs on, or a program. It is killed when it is disposed of. */
export class Child implements AsyncDisposable {
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  #stdout = "";
  #stderr = "";
  #isOver = false;

  /** Starts the script at the path `script`. */
  constructor(script: string, args: readonly string[], options: ChildOptions = {}) {
    const { denoFlags = ["-A"], env = {}, cwd, maxLifetimeMs = MAX_LIFETIME_MS, isProgram } = options;
    const onRuntime = "Deno" in globalThis ? ["run", ...denoFlags, script] : [script];
    const [program, first] = isProgram ? [script, []] : [process.execPath, onRuntime];
    const child = spawn(program, [...first, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#process = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#stdout += text);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#stderr += text);
    const watchdog = setTimeout(() => this.signal("SIGKILL"), maxLifetimeMs);
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status: number | null) => {
        this.#isOver = true;
        clearTimeout(watchdog);
        resolve({ status, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Starts the command `bytehaul`. */
  static bytehaul(args: readonly string[], options?: ChildOptions): Child {
    return new Child(CLI, args, options);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What it has written to standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Sends it a signal, unless it is over. */
  signal(name: "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    if (this.#isOver || this.#process.pid === undefined) return;
    try {
      // Not ChildProcess.kill(), after which Deno reports the signal whatever the status is.
      process.kill(this.#process.pid, name);
    } catch (error) {
      // It has ended just now, and nobody was told yet.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It was ending just then.
    }
    await this.ended;
  }
}

/** Runs the command `bytehaul` to its end. */
export async function runBytehaul(args: readonly string[], options?: ChildOptions): Promise<ChildEnd> {
  await using child = Child.bytehaul(args, options);
  return await child.ended;
}
