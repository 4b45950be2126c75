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

import { runCli } from "./src/cli/main.ts";
import { createConsole } from "./src/runtime/console/console.ts";

// Node before 24.2 does not say which module was started.
if (import.meta.main !== false) {
  const host = createConsole();
  host.exit(await runCli(host.args, host));
}
