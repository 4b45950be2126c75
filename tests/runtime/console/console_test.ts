import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { until } from "../../helpers/until.ts";
import { createConsole } from "../../../src/runtime/console/console.ts";

const CHILD = fileURLToPath(new URL("./console_child.ts", import.meta.url));

function start(
  part: string,
  { stdin = "ignore", stdout = "pipe" }: { stdin?: "ignore" | "pipe"; stdout?: "pipe" | number } = {},
): { child: ChildProcess; stderr: () => string } {
  const command = "Deno" in globalThis ? ["run", "--no-prompt", "--deny-net", CHILD] : [CHILD];
  const child = spawn(process.execPath, [...command, part], { stdio: [stdin, stdout, "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (data) => stderr += data);
  return { child, stderr: () => stderr };
}

test("flush() lets everything out before the process ends", async () => {
  const { child, stderr } = start("write");
  let bytes = 0;
  child.stdout?.on("data", (data) => bytes += data.length);
  const [status] = await once(child, "close");
  assert.equal(status, 3);
  assert.equal(stderr(), "end\n");
  assert.equal(bytes, 20_000 * 102 + 88_890);
});

test("a reader that goes away ends nothing", async () => {
  const { child, stderr } = start("write");
  child.stdout?.once("data", () => child.stdout?.destroy());
  const [status] = await once(child, "close");
  assert.equal(status, 3);
  assert.equal(stderr(), "end\n");
});

test("flush() tells that standard output took not all", {
  skip: process.platform !== "linux" && "only Linux has a device that is always full",
}, async () => {
  const full = await open("/dev/full", "w");
  try {
    const { child, stderr } = start("lose", { stdout: full.fd });
    await once(child, "close");
    assert.equal(stderr(), "no space left\n");
  } finally {
    await full.close();
  }
});

test("readStdin() reads all there is", async () => {
  const { child } = start("read", { stdin: "pipe" });
  let stdout = "";
  child.stdout?.on("data", (data) => stdout += data);
  child.stdin?.end("é".repeat(50_000));
  await once(child, "close");
  assert.equal(stdout, "É".repeat(50_000));
});

test("the console says what Deno gives no access to, and asks nobody", {
  skip: !("Deno" in globalThis) && "only Deno has permissions",
}, async () => {
  const { child } = start("look");
  let stdout = "";
  child.stdout?.on("data", (data) => stdout += data);
  await once(child, "close");
  assert.deepEqual(stdout.split("\n"), [
    "variable: Deno gives no access to HOME; run with --allow-env=HOME",
    "file: Deno gives no access to it; run with --allow-read=console_test.ts",
    "directory: Deno gives no access to it; run with --allow-read=.",
    "shell: Deno gives no access to it; run with --allow-run --allow-env",
    "",
  ]);
});

test("look() and readText() tell what is there", async () => {
  await using dir = await temporaryDirectory();
  const { look, readText } = createConsole();
  await writeFile(dir.join("f"), "text", { mode: 0o640 });
  assert.equal(await readText(dir.join("f")), "text");
  assert.equal((await look(dir.path))?.kind, "directory");
  assert.equal(await look(dir.join("none")), undefined);
  const file = await look(dir.join("f"));
  assert.equal(file?.kind, "file");
  if (process.platform !== "win32") assert.equal(file?.mode, 0o640);
  await assert.rejects(readText(dir.join("none")), { message: "it does not exist" });
  await assert.rejects(readText(dir.path), { message: "it is a directory" });
  if (process.platform === "win32") assert.equal(await look(dir.join("f", "g")), undefined);
  else await assert.rejects(look(dir.join("f", "g")), { message: "a part of the path is no directory" });
});

test("variable() reads the environment", () => {
  const { variable } = createConsole();
  assert.ok(variable("PATH"));
  assert.equal(variable("BYTEHAUL_NO_SUCH_VARIABLE"), undefined);
});

const hasShell = { skip: process.platform === "win32" && "written for the shell of Unix" };

test("a shell command gets its variables, and its output and status come back", hasShell, async () => {
  const shell = createConsole().openShell();
  const { signal } = new AbortController();
  const ended = await shell('echo "$PART $(echo two)"; exit 3', { PART: "one" }, signal);
  assert.deepEqual(ended, { status: 3, stdout: "one two\n" });
  assert.deepEqual(await shell("kill -9 $$", {}, signal), { status: null, stdout: "" });
});

test("a shell command ends with all it has started when it is no longer wanted", hasShell, async () => {
  await using dir = await temporaryDirectory();
  const file = dir.join("pids");
  const aborting = new AbortController();
  const running = createConsole().openShell()(
    `{ sleep 60 & echo $!; echo end; } > '${file}'; wait`,
    {},
    aborting.signal,
  );
  await until(() => existsSync(file) && readFileSync(file, "utf8").includes("end"));
  aborting.abort(new Error("stopped"));
  await assert.rejects(running, { message: "stopped" });
  const sleeper = Number(readFileSync(file, "utf8").split("\n")[0]);
  await until(() => !isRunning(sleeper));
  await assert.rejects(
    async () => await createConsole().openShell()("echo late", {}, aborting.signal),
    { message: "stopped" },
  );
});

/** A process that ended and that nobody has asked for its status yet runs no more. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("onSignal() hears a signal in place of the system, until it is told to stop", {
  skip: process.platform === "win32",
}, async () => {
  const { child } = start("wait");
  let stdout = "";
  child.stdout?.on("data", (data) => {
    stdout += data;
    // Not child.kill(), after which Deno reports the signal whatever the status is.
    if (stdout === "ready\n" && child.pid !== undefined) process.kill(child.pid, "SIGTERM");
  });
  const [status] = await once(child, "close");
  assert.equal(stdout, "ready\nheard\n");
  assert.equal(status, 0);
});

test("onSignal() leaves nothing behind", { skip: process.platform === "win32" }, () => {
  const listeners = () => process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
  const before = listeners();
  const stop = createConsole().onSignal(["SIGINT", "SIGTERM"], () => {});
  assert.equal(listeners(), before + 2);
  stop();
  assert.equal(listeners(), before);
});

test("createConsole() tells a width where there is no terminal", () => {
  assert.ok(createConsole().columns() > 0);
});
