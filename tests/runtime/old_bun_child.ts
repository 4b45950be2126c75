// The command on a Bun without sessions; run by minimum_test.ts.
import { runCli } from "../../src/cli/main.ts";
import { createConsole } from "../../src/runtime/console/console.ts";

(globalThis as unknown as { Bun: { FetchSession: unknown } }).Bun.FetchSession = undefined;
const host = createConsole();
host.exit(await runCli(host.args, host));
