import type { Runtime } from "./runtime.ts";

/** Loads the side that belongs to the runtime this runs on. */
export async function detectRuntime(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).createDenoRuntime();
  return (await import("./node.ts")).createNodeRuntime();
}
