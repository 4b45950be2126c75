import { readFileSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import { isGranted } from "./host_access.ts";

const ALL = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;

/**
 * Whether this process goes on when its terminal closes, as `nohup` asks for: it was started with SIGHUP ignored. It has
 * to be found out before anything listens for a signal, as a listener for any undoes that on Deno.
 */
export function outlivesTerminal(): boolean {
  if (process.platform === "win32") return false;
  const ignored = ignoredSignals();
  if (ignored !== undefined) return (ignored & 1n) === 1n;
  // `nohup` leaves no output on a terminal. Where none is on one, going on is what does no harm.
  return !isatty(1) && !isatty(2);
}

/** A bit for each signal, the lowest for SIGHUP; `undefined` where the system, or Deno, does not tell. */
function ignoredSignals(): bigint | undefined {
  // Deno gives it to --allow-all only, and asks on a terminal otherwise.
  if (!ALL.every((name) => isGranted({ name }))) return undefined;
  try {
    const [, mask] = /^SigIgn:\s*([\da-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return mask === undefined ? undefined : BigInt(`0x${mask}`);
  } catch {
    return undefined;
  }
}
