// Writes far more than a pipe holds, whether or not anybody reads it; run by console_test.ts.
import { createConsole } from "../../src/runtime/console.ts";

const host = createConsole();
if (host.args[0] === "wait") {
  const stop = host.onSignal(["SIGINT", "SIGTERM"], () => {
    stop();
    clearTimeout(timer);
    host.writeStdout("heard\n");
  });
  const timer = setTimeout(() => {}, 20_000);
  host.writeStdout("ready\n");
} else {
  for (let line = 0; line < 20_000; line++) host.writeStdout(`${line} ${"x".repeat(100)}\n`);
  await host.flush();
  host.writeStderr("end\n");
  await host.flush();
  host.exit(3);
}
