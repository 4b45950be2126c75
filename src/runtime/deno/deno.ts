import { systemClock } from "../clock.ts";
import type { Runtime } from "../runtime.ts";
import { canFetch, createHttpClient, isOwnRefusal } from "./deno_client.ts";
import { denoFiles } from "./deno_files.ts";
import { denoNetwork } from "./deno_network.ts";

/** Deno. */
export function createDenoRuntime(): Runtime {
  return {
    name: "deno",
    clock: systemClock,
    files: denoFiles,
    network: denoNetwork,
    createHttpClient,
    canFetch,
    isOwnRefusal,
    bodyChunkBytes: 0,
    environment,
  };
}

function environment(name: string): string | undefined {
  // Asking without the permission would prompt on a terminal.
  const isGranted = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  return isGranted ? Deno.env.get(name) : undefined;
}
