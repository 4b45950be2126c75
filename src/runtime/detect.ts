import { createBunRuntime } from "./bun/bun.ts";
import { createDenoRuntime } from "./deno/deno.ts";
import { createNodeRuntime } from "./node/node.ts";
import type { Runtime } from "./runtime.ts";

/** The implementation for the current runtime. */
export function detectRuntime(): Runtime {
  if ("Deno" in globalThis) return createDenoRuntime();
  return "Bun" in globalThis ? createBunRuntime() : createNodeRuntime();
}
