import process from "node:process";
import { nodeFs } from "../node_fs.ts";
import { isGranted } from "./host_access.ts";

const ALL = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;

/**
 * Whether this process continues when its terminal closes, as with `nohup`: it was started with SIGHUP
 * ignored. Call this before any signal listener is added, because on Deno a listener for any signal undoes
 * this.
 */
export function outlivesTerminal(): boolean {
  if (process.platform === "win32") return false;
  const ignored = ignoredSignals();
  if (ignored !== undefined) return (ignored & 1n) === 1n;
  // `nohup` redirects all output from the terminal. If no output is on a terminal, to continue is the safe
  // choice.
  const { isatty } = process.getBuiltinModule("node:tty");
  return !isatty(1) && !isatty(2);
}

/**
 * The ignored signals, one bit each, the lowest for SIGHUP; `undefined` when the system or the runtime does
 * not report them.
 */
function ignoredSignals(): bigint | undefined {
  // Node resets all signals when it starts.
  if (!("Deno" in globalThis) && !("Bun" in globalThis)) return undefined;
  // Deno allows this only with --allow-all, and prompts on a terminal otherwise.
  if (!ALL.every((name) => isGranted({ name }))) return undefined;
  try {
    const [, mask] = /^SigIgn:\s*([\da-f]+)$/m.exec(readNow("/proc/self/status")) ?? [];
    return mask === undefined ? undefined : BigInt(`0x${mask}`);
  } catch {
    return undefined;
  }
}

function readNow(path: string): string {
  return "Deno" in globalThis ? Deno.readTextFileSync(path) : nodeFs().readFileSync(path, "utf8");
}
