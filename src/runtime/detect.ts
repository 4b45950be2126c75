import { createDenoRuntime } from "./deno.ts";
import { createNodeRuntime } from "./node.ts";
import type { Runtime } from "./runtime.ts";

/** The implementation for the current runtime. */
export function detectRuntime(): Runtime {
  return "Deno" in globalThis ? createDenoRuntime() : createNodeRuntime();
}
