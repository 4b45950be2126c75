import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { promisify } from "node:util";
import type { ChildEnd } from "../child.ts";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));

async function tryTracing(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const args = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=flock:error=ENOLCK", "true"];
  return await run("strace", args, { timeout: 10_000 }).then(() => true, () => false);
}

/** Why a test that makes system calls fail is left out, or `false` where that can be done. */
export const NO_STRACE: string | false = await tryTracing()
  ? false
  : "there is no strace, or it may not trace here";

/** Lets the system calls named, when they are about `path`, fail in the command `bytehaul`. */
export async function withFailingCalls(
  calls: string,
  error: string,
  path: string,
  args: readonly string[],
): Promise<ChildEnd> {
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A", CLI] : [process.execPath, CLI];
  const tracing = ["-f", "-qq", "-o", "/dev/null", "-P", path, "-e", `trace=${calls}`];
  const all = [...tracing, "-e", `inject=${calls}:error=${error}`, ...runtime, ...args];
  const env = { ...process.env, NO_COLOR: "1" };
  return await run("strace", all, { timeout: 60_000, env }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }),
  );
}
