import { execFile } from "node:child_process";
import { chmod, lchown } from "node:fs/promises";
import process from "node:process";
import { promisify } from "node:util";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** A user who means harm, and one who does not; neither needs an account. */
export const ATTACKER = 54_321;
export const VICTIM = 54_322;

/** The command that runs a command as `user`. */
export function asUser(user: number, command: readonly string[]): readonly [string, ...string[]] {
  return ["setpriv", "--reuid", `${user}`, "--regid", `${user}`, "--clear-groups", ...command];
}

/** Runs a program as `user`, and returns what it wrote to standard output; `undefined` when it failed. */
export async function runAs(user: number, ...command: readonly string[]): Promise<string | undefined> {
  const [program, ...args] = asUser(user, command);
  const done = promisify(execFile)(program, args, { timeout: 60_000 });
  return await done.then(({ stdout }) => stdout, () => undefined);
}

/** Writes a file as `user`. */
export async function plantAs(user: number, path: string, text: string): Promise<void> {
  if (await runAs(user, "sh", "-c", `printf %s '${text}' > '${path}'`) === undefined) {
    throw new Error(`Cannot write ${path} as user ${user}`);
  }
}

/** Why a test that needs a second user is left out, or `false` where there is one. */
export const NO_OTHER_USER: string | false =
  process.platform === "linux" && process.getuid?.() === 0 && await runAs(ATTACKER, "true") !== undefined
    ? false
    : "only root on Linux, with setpriv, can be another user";

/** A directory such as /tmp: everybody writes there, and removes nothing but what is theirs. */
export async function sharedDirectory(): Promise<TemporaryDirectory> {
  const dir = await temporaryDirectory();
  await chmod(dir.path, 0o1777);
  return dir;
}

/** Makes a file, or a link itself, that of `user`. */
export async function giveTo(user: number, path: string): Promise<void> {
  await lchown(path, user, user);
}
