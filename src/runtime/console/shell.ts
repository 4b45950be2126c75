import process from "node:process";
import { requireAccess } from "./host_access.ts";
import { onAbort } from "../../lib/on_abort.ts";

/** How a command ended. */
export interface ShellEnd {
  /** `null` when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
}

/** Runs a command line with more variables in its environment, and kills it when `signal` is aborted. */
export type Shell = (
  command: string,
  variables: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<ShellEnd>;

/**
 * The system's shell. A program that may run it may do everything, so Deno must grant the complete run
 * permission.
 */
export function openShell(): Shell {
  for (const name of ["run", "env"] as const) requireAccess({ name }, "--allow-run --allow-env");
  return runInShell;
}

async function runInShell(
  command: string,
  variables: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ShellEnd> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  // In a separate process group, all processes of the shell end with it.
  const hasGroups = process.platform !== "win32";
  const child = spawn(command, {
    shell: true,
    detached: hasGroups,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...variables },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ShellEnd>();
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.on("error", reject);
  child.on("close", (status: number | null) => resolve({ status, stdout }));
  using _stopping = onAbort(signal, () => {
    reject(signal.reason);
    try {
      if (hasGroups && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    } catch {
      // The shell has just ended.
    }
  });
  return await promise;
}
