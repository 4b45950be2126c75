// The command on a disk whose syncs take for ever, of which it tells; run by process_test.ts.
import { runCli } from "../../src/cli/main.ts";
import { createConsole } from "../../src/runtime/console/console.ts";
import { fileWith, queueOn, runtimeWith } from "../helpers/doubles/runtime_double.ts";

const host = createConsole();
const hang = () => {
  host.writeStdout("syncing\n");
  return new Promise<void>((resolve) => setTimeout(resolve, 50_000));
};
const runtime = runtimeWith({
  file: (file, path) => path.endsWith(".part") ? fileWith(file, { sync: hang }) : file,
});

const status = await runCli(host.args, host, (options) => {
  const queue = queueOn(runtime, options);
  return { download: (spec) => queue.add(spec), close: () => queue.close() };
});
await host.flush();
host.exit(status);
