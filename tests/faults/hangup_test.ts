// A terminal that is closed, as the system closes one, and processes that were told to outlive it.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, runBytehaul } from "../helpers/child.ts";
import { assertFileIs } from "../../testing/content.ts";
import { assertClaimsHold, untilClaimed } from "../helpers/disk/control_file.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 121;
const SIZE = 3_000_000;
const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const IS_DENO = "Deno" in globalThis;
const IS_NODE = !IS_DENO && !("Bun" in globalThis);
const ON_LINUX = {
  timeout: 60_000,
  skip: process.platform !== "linux" && "written for the terminals of Linux",
};

/** Node resets ignored signals when it starts, so what is on a terminal decides there. */
const WHERE_KNOWN = {
  ...ON_LINUX,
  skip: ON_LINUX.skip || (IS_NODE && "Node does not know what was ignored"),
};

interface Setting extends AsyncDisposable {
  readonly dir: TemporaryDirectory;
  readonly server: FaultServer;
  readonly path: string;
  /** Flags and URL of the command. */
  readonly args: readonly string[];
  /** Lets responses come to their end. */
  goOn(): void;
}

/** A server whose responses stall after 100 kB until they may go on. */
async function setUp(): Promise<Setting> {
  let reply: Reply | undefined = { silentAfter: 100_000 };
  const server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => reply });
  const dir = await temporaryDirectory();
  const path = dir.join("out.bin");
  const flags = ["--min-split-size", "0", "--min-segment-size", "16k", "--piece-size", "64k"];
  const waits = ["--save-interval", "0.05", "--read-timeout", "1", "--retry-delay", "0"];
  return {
    ...{ dir, server, path, args: [...flags, ...waits, "-o", path, server.url] },
    goOn: () => reply = undefined,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** The command as a shell takes it. */
function shellCommand(args: readonly string[], denoFlags: readonly string[] = ["-A"]): string {
  const run = IS_DENO ? ["run", ...denoFlags, CLI] : [CLI];
  return [process.execPath, ...run, ...args].map((word) => `'${word}'`).join(" ");
}

/**
 * Runs a line of shell in a terminal of its own, which goes away with the result. The shell that the terminal belongs to
 * ends then, and with that everything in it gets SIGHUP; one inside stays to write down what becomes of the command.
 */
function inTerminal(line: string, statusFile: string): Child {
  const watched = `(trap : HUP; ${line}; echo $? > '${statusFile}'); true`;
  return new Child("script", ["-qec", watched, "/dev/null"], { isProgram: true });
}

/** What a shell wrote that went on when its terminal did not. */
async function statusIn(file: string): Promise<string> {
  await until(() => existsSync(file) && readFileSync(file, "utf8") !== "");
  return readFileSync(file, "utf8").trim();
}

test("121 SIGHUP saves what is there, as other signals do", WHERE_KNOWN, async () => {
  await using setting = await setUp();
  const { path, args, dir, server, goOn } = setting;
  await using child = Child.bytehaul(args);
  const before = await untilClaimed(`${path}.bytehaul`, 0);
  child.signal("SIGHUP");
  const { status, stderr } = await child.ended;
  assert.equal(status, 130, stderr);
  assert.match(stderr, /run the same command again to resume\n$/);
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
  const claimed = await assertClaimsHold(path, SEED);
  assert.ok(claimed >= before, `${claimed} bytes claimed`);
  goOn();
  const served = server.bytesServed;
  assert.equal((await runBytehaul(args)).status, 0);
  // As much as is compared with what is there.
  assert.ok(server.bytesServed - served <= SIZE - claimed + 65_536, `${server.bytesServed - served}`);
  await assertFileIs(path, SEED, SIZE);
});

for (const [how, redirected] of [["drawn on", ""], ["beside a log", " 2>/dev/null"]] as const) {
  test(`121 a terminal ${how} is closed: what is there is saved`, ON_LINUX, async () => {
    await using setting = await setUp();
    const { path, args, dir } = setting;
    const status = dir.join("status");
    await using terminal = inTerminal(`${shellCommand(args)}${redirected}`, status);
    await untilClaimed(`${path}.bytehaul`, 0);
    terminal.signal("SIGKILL");
    assert.equal(await statusIn(status), "130");
    assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part", "status"]);
    assert.ok(await assertClaimsHold(path, SEED) > 0);
  });
}

for (const [how, prefix] of [["nohup", "nohup "], ["a shell that ignores it", "trap '' HUP; "]] as const) {
  const setup = prefix === "nohup " ? ON_LINUX : WHERE_KNOWN;
  test(`121 under ${how} it outlives its terminal`, setup, async () => {
    await using setting = await setUp();
    const { path, args, dir, goOn } = setting;
    const status = dir.join("status");
    await using terminal = inTerminal(`(${prefix}${shellCommand(args)} >'${dir.join("log")}')`, status);
    await untilClaimed(`${path}.bytehaul`, 0);
    terminal.signal("SIGKILL");
    await terminal.ended;
    goOn();
    assert.equal(await statusIn(status), "0");
    await assertFileIs(path, SEED, SIZE);
  });
}

for (
  const denoFlags of IS_DENO
    ? [["-A"], ["--no-prompt", "--allow-net", "--allow-read", "--allow-write"]]
    : [[]]
) {
  const shown = denoFlags.length > 1 ? ", also where Deno does not tell what is ignored" : "";
  test(`121 under nohup a signal changes nothing${shown}`, ON_LINUX, async () => {
    await using setting = await setUp();
    const { path, args, goOn } = setting;
    const line = `exec nohup ${shellCommand(args, denoFlags)}`;
    await using child = new Child("sh", ["-c", line], { isProgram: true });
    await untilClaimed(`${path}.bytehaul`, 0);
    child.signal("SIGHUP");
    child.signal("SIGHUP");
    goOn();
    const { status, stderr } = await child.ended;
    assert.equal(status, 0, stderr);
    await assertFileIs(path, SEED, SIZE);
  });
}

test("121 under nohup other signals still save", ON_LINUX, async () => {
  await using setting = await setUp();
  const { path, args } = setting;
  await using child = new Child("sh", ["-c", `exec nohup ${shellCommand(args)}`], { isProgram: true });
  await untilClaimed(`${path}.bytehaul`, 0);
  child.signal("SIGHUP");
  child.signal("SIGTERM");
  assert.equal((await child.ended).status, 130);
  assert.ok(await assertClaimsHold(path, SEED) > 0);
});

test("121 on a terminal nothing is asked for, with one host and one directory allowed", {
  ...ON_LINUX,
  skip: ON_LINUX.skip || (!IS_DENO && "only Deno has permissions"),
}, async () => {
  await using setting = await setUp();
  const { dir, server, path, args } = setting;
  setting.goOn();
  const { host } = new URL(server.url);
  const allowed = [`--allow-net=${host}`, `--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
  await using terminal = inTerminal(
    `timeout --foreground 20 ${shellCommand(args, allowed)}`,
    dir.join("status"),
  );
  const { stdout } = await terminal.ended;
  assert.doesNotMatch(stdout, /Deno requests/);
  assert.equal(await statusIn(dir.join("status")), "0");
  await assertFileIs(path, SEED, SIZE);
});
