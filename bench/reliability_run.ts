import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { contentBytes } from "../testing/content.ts";
import type { Job, Tool } from "./reliability_tools.ts";

const MAX_RUN_MS = 40_000;

/** Outcome of a scenario. */
export interface Outcome {
  /**
   * - `exact`: status 0, and the file is one version of the server's file
   * - `refused`: an error status, and nothing has the final name
   * - `unfinished`: an error status, and an unfinished file has the final name
   * - `corrupt`: status 0, and the file is wrong or missing
   * - `obeyed`: the tool did what a hostile server requested
   * - `leaked`: a secret was sent to another origin
   * - `stuck`: the tool did not end in time
   * - `none`: the tool lacks the feature of the scenario
   */
  readonly kind: "exact" | "refused" | "unfinished" | "corrupt" | "obeyed" | "leaked" | "stuck" | "none";
  readonly note?: string;
}

/** How a command ended: its status, `null` after a signal, or `stuck`. */
export type End = number | null | "stuck";

/** A running downloader. */
export class Run implements AsyncDisposable {
  readonly ended: Promise<End>;
  readonly #child: ChildProcess;
  #isOver = false;

  constructor(tool: Tool, job: Job) {
    const [program, ...args] = tool.command(job);
    this.#child = spawn(program!, args, {
      cwd: job.dir,
      stdio: "ignore",
      env: { ...process.env, no_proxy: "*" },
    });
    this.ended = new Promise((resolve, reject) => {
      let isStuck = false;
      const timer = setTimeout(() => {
        isStuck = true;
        this.signal("SIGKILL");
      }, MAX_RUN_MS);
      this.#child.on("error", reject);
      this.#child.on("exit", (status) => {
        this.#isOver = true;
        clearTimeout(timer);
        resolve(isStuck ? "stuck" : status);
      });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  signal(name: "SIGINT" | "SIGKILL"): void {
    if (!this.#isOver && this.#child.pid !== undefined) process.kill(this.#child.pid, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}

/** Runs a downloader to its end. */
export async function runTool(tool: Tool, job: Job): Promise<End> {
  await using run = new Run(tool, job);
  return await run.ended;
}

/** Judges `ends` and the file at `path`. The server had the versions `seeds` of `size` bytes. */
export async function judge(
  ends: End | readonly End[],
  path: string,
  seeds: readonly number[],
  size: number,
): Promise<Outcome> {
  const bytes = await readFile(path).catch(() => undefined);
  return judgeBytes(ends, bytes, seeds.map((seed) => contentBytes(seed, 0, size)));
}

/** Judges `ends` and a file with these `bytes`. The server had these versions of the file. */
export function judgeBytes(
  ends: End | readonly End[],
  bytes: Uint8Array | undefined,
  versions: readonly Uint8Array[],
): Outcome {
  const all = typeof ends === "object" && ends !== null ? ends : [ends as End];
  if (all.includes("stuck")) return { kind: "stuck" };
  const isExact = bytes !== undefined && versions.some((version) => Buffer.compare(bytes, version) === 0);
  if (all.includes(0)) {
    return isExact ? { kind: "exact" } : { kind: "corrupt", note: describe(bytes, versions[0]?.length ?? 0) };
  }
  return bytes === undefined ? { kind: "refused" } : { kind: "unfinished" };
}

function describe(bytes: Uint8Array | undefined, size: number): string {
  if (bytes === undefined) return "no file";
  return bytes.length === size ? "wrong bytes" : `${bytes.length} of ${size} bytes`;
}

/** Edits a file in place. */
export async function editFile(path: string, edit: (bytes: Uint8Array) => Uint8Array | void): Promise<void> {
  const bytes = new Uint8Array(await readFile(path));
  await writeFile(path, edit(bytes) ?? bytes);
}
