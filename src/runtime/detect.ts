import { createDenoRuntime } from "./deno.ts";
import { createNodeRuntime } from "./node.ts";
import type { Runtime } from "./runtime.ts";

/** The side that belongs to the runtime this runs on. */
export function detectRuntime(): Runtime {
  return "Deno" in globalThis ? createDenoRuntime() : createNodeRuntime();
}
