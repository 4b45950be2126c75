/**
 * Where `.ci/install-runtimes` puts releases of Deno, Bun and Node.js.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const DIRECTORY = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "bytehaul-runtimes");

/** The program of each runtime in its package. */
const PROGRAMS = { deno: "deno/deno", bun: "bun/bin/bun", node: "node/bin/node" } as const;

/** A runtime, by the name of its program. */
export type RuntimeName = keyof typeof PROGRAMS;

/** All runtimes. */
export const RUNTIME_NAMES = ["deno", "bun", "node"] as const satisfies readonly RuntimeName[];

/** The oldest and the newest supported release, and the last one below the oldest. */
export type Age = "oldest" | "newest" | "below";

/** The program of a release; `undefined` where it is not installed. */
export function findRelease(age: Age, name: RuntimeName): string | undefined {
  const path = join(DIRECTORY, age, "node_modules", PROGRAMS[name]);
  // The package of Bun has this ending on every system.
  return [path, `${path}.exe`].find((program) => existsSync(program));
}
