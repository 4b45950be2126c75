import process from "node:process";

/** The oldest release of each runtime on which all tests pass. README and `package.json` name the same. */
export const OLDEST = { Deno: "2.8.3", Bun: "1.4.4", "Node.js": "24.13.1" } as const;

type Name = keyof typeof OLDEST;

const REMEDIES: Readonly<Record<Name, string>> = {
  Deno: "run `deno upgrade`",
  Bun: "run `bun upgrade`",
  "Node.js": "install it from https://nodejs.org",
};

/** Throws an `Error` where this runtime is older than the oldest supported release. */
export function requireSupportedRuntime(): void {
  const reason = whyUnsupported(process.versions);
  if (reason !== undefined) throw new Error(reason);
}

/** Whether the command cannot run here. It then reports why and sets the exit status. */
export function refusesToRun(): boolean {
  const reason = whyUnsupported(process.versions);
  if (reason === undefined) return false;
  process.stderr.write(`bytehaul: ${reason}\n`);
  process.exitCode = 2;
  return true;
}

/** Why a runtime with these versions is not supported, in one sentence; `undefined` where it is supported. */
export function whyUnsupported(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const name: Name = versions.deno !== undefined ? "Deno" : versions.bun !== undefined ? "Bun" : "Node.js";
  const version = versions.deno ?? versions.bun ?? versions.node ?? "of unknown version";
  if (isAtLeast(version, OLDEST[name])) return undefined;
  return `Cannot run on ${name} ${version}: bytehaul needs ${name} ${OLDEST[name]} or later; ${
    REMEDIES[name]
  }`;
}

/** Compares the numbers of two releases. A preview counts as its release. */
function isAtLeast(version: string, oldest: string): boolean {
  const numbers = version.split(/\D/).map(Number);
  const needed = oldest.split(".").map(Number);
  const place = needed.findIndex((number, index) => numbers[index] !== number);
  return place === -1 || numbers[place]! > needed[place]!;
}
