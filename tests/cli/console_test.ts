import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createConsole } from "../../src/runtime/console.ts";

const CHILD = fileURLToPath(new URL("./console_child.ts", import.meta.url));

function start(...args: string[]): { child: ChildProcess; stderr: () => string } {
  const command = "Deno" in globalThis ? ["run", "--no-prompt", CHILD] : [CHILD];
  const child = spawn(process.execPath, [...command, ...args], { stdio: ["ignore", "pipe", "pipe"] });
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
