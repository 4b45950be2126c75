import { systemClock } from "../clock.ts";
import type { Runtime } from "../runtime.ts";
import { mayReadVariable } from "./deno_access.ts";
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
    environment: (name) => mayReadVariable(name) ? Deno.env.get(name) : undefined,
  };
}
