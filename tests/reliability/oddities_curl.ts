import { spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import type { FindProgram } from "../helpers/servers/programs.ts";

const MAX_SECONDS = 5;

/** Finds curl. */
export const findCurl: FindProgram = () =>
  Promise.resolve(spawnSync("curl", ["--version"]).status === 0 ? "curl" : undefined);

/** What a plain `curl -f -L` with a cookie jar writes to `path`; `undefined` when it fails. */
export async function curl(url: string, path: string): Promise<Uint8Array | undefined> {
  const flags = ["-q", "-sS", "-f", "-L", "-g", "-b", "", "--max-time", `${MAX_SECONDS}`];
  const child = spawn("curl", [...flags, "-o", path, url], {
    stdio: "ignore",
    env: { ...process.env, no_proxy: "*" },
  });
  const status = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (status !== 0) return undefined;
  // It makes no file of no bytes.
  return await readFile(path).catch(() => new Uint8Array());
}
