import { createBunRuntime } from "./bun/bun.ts";
import { createDenoRuntime } from "./deno/deno.ts";
import { requireSupportedRuntime } from "./minimum.ts";
import { createNodeRuntime } from "./node/node.ts";
import type { Runtime } from "./runtime.ts";

/** The implementation for the current runtime. Throws an `Error` where the runtime is too old. */
export function detectRuntime(): Runtime {
  requireSupportedRuntime();
  if ("Deno" in globalThis) return createDenoRuntime();
  return "Bun" in globalThis ? createBunRuntime() : createNodeRuntime();
}
