// Writes far more than a pipe holds, whether or not anybody reads it; run by console_test.ts.
import { createConsole } from "../../../src/runtime/console/console.ts";

const host = createConsole();
if (host.args[0] === "wait") {
  const stop = host.onSignal(["SIGINT", "SIGTERM"], () => {
    stop();
    clearTimeout(timer);
    host.writeStdout("heard\n");
  });
  const timer = setTimeout(() => {}, 20_000);
  host.writeStdout("ready\n");
} else if (host.args[0] === "look") {
  // What the child may not do, it is told, and nobody is asked.
  const tries = {
    variable: () => host.variable("HOME"),
    file: () => host.readText("console_test.ts"),
    directory: () => host.look("."),
    shell: () => host.openShell(),
  };
  for (const [name, attempt] of Object.entries(tries)) {
    const said = await Promise.try<unknown, []>(attempt).then(() => "allowed", (error) => error.message);
    host.writeStdout(`${name}: ${said}\n`);
  }
} else if (host.args[0] === "read") {
  host.writeStdout((await host.readStdin()).toUpperCase());
} else if (host.args[0] === "lose") {
  host.writeStdout("lost\n");
  host.writeStderr(`${await host.flush()}\n`);
} else {
  for (let line = 0; line < 20_000; line++) host.writeStdout(`${line} ${"x".repeat(100)}\n`);
  await host.flush();
  host.writeStderr("end\n");
  await host.flush();
  host.exit(3);
}
