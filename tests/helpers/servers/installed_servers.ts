/**
 * Where `.ci/install-servers` puts the servers that are no packages of the system.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { findProgram } from "./daemon.ts";

const DIRECTORY = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "bytehaul-servers");

/** The path of something inside; `undefined` where it is not installed. */
export function findInstalled(...names: readonly string[]): Promise<string | undefined> {
  const path = join(DIRECTORY, ...names);
  return Promise.resolve(existsSync(path) ? path : undefined);
}

/** The Python that has the module `name`; `undefined` where one of them is not installed. */
export async function findPython(name: string): Promise<string | undefined> {
  const program = await findInstalled("python", "bin", "python");
  if (program === undefined) return undefined;
  const look = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`;
  return await promisify(execFile)(program, ["-c", look]).then(() => program, () => undefined);
}

/** The directory of a package from npm; `undefined` where it, or Node.js, is not installed. */
export async function findNpmPackage(name: string): Promise<string | undefined> {
  const found = await findInstalled("npm", "node_modules", ...name.split("/"));
  return found === undefined || await findProgram(["node"]) === undefined ? undefined : found;
}
