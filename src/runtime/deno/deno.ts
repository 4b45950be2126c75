import { systemClock } from "../clock.ts";
import type { Runtime } from "../runtime.ts";
import { mayRead } from "./deno_access.ts";
import { canFetch, createHttpClient, isOwnRefusal } from "./deno_client.ts";
import { denoFiles } from "./deno_files.ts";
import { denoNetwork } from "./deno_network.ts";

/** Read by Deno's fetch without a permission. */
const PROXY_VARIABLES = [
  ...["http_proxy", "https_proxy", "all_proxy"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"],
];

/** Deno. */
export function createDenoRuntime(): Runtime {
  return {
    name: "deno",
    clock: systemClock,
    files: denoFiles,
    network: denoNetwork,
    createHttpClient,
    hidesProxies: () => PROXY_VARIABLES.some((name) => !mayRead(name)),
    canFetch,
    isOwnRefusal,
    bodyChunkBytes: 0,
    environment,
  };
}

function environment(name: string): string | undefined {
  return mayRead(name) ? Deno.env.get(name) : undefined; // a prompt on a terminal otherwise
}
