/**
 * The command `bytehaul`: fetches files over several connections and resumes interrupted ones.
 * `--help` shows its flags.
 *
 * ```sh
 * deno run -A jsr:@bytehaul/bytehaul/cli https://example.com/disk.iso
 * bun cli.ts -x 8 https://example.com/disk.iso
 * node cli.ts -x 8 https://example.com/disk.iso
 * ```
 *
 * @module
 */

import { refusesToRun } from "./src/runtime/minimum.ts";

// The check comes first, because Node.js before 24.3 does not report correctly which module was started.
if (!refusesToRun() && import.meta.main) {
  // Loaded late, because an old runtime cannot load it.
  const { runProcess } = await import("./src/cli/main.ts");
  await runProcess();
}
