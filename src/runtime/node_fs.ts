import process from "node:process";

/** The module of files. Not an import, because Deno takes 5 ms to load it, and most runs there do not need it. */
export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}
