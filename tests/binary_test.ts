// The command as one program that needs no runtime: what is in it is found in it, the hash thread included.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VERSION } from "../src/version.ts";
import { Child, type ChildEnd } from "./helpers/child.ts";
import { assertFileIs, contentHash } from "../testing/content.ts";
import { FaultServer, type Reply } from "../testing/mod.ts";
import { skipWithout } from "./helpers/servers/programs.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./helpers/temp.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SEED = 33;
const SIZE = 4 * 2 ** 20 + 321;
const IN_PARTS = ["-x", "4", "--min-split-size", "0", "--min-segment-size", "64k", "--piece-size", "64k"];
const NETWORK_MS = 60_000;

/** What starts Bun. */
async function findBun(): Promise<readonly string[] | undefined> {
  if ("Bun" in globalThis) return [process.execPath];
  for (const command of [["bun"], ["npx", "--yes", "bun@1"]]) {
    const [program = "", ...args] = command;
    const shell = process.platform === "win32"; // there npx is a script
    const found = run(program, [...args, "--version"], { timeout: NETWORK_MS, shell });
    if (await found.then(() => true, () => false)) return command;
  }
  return undefined;
}

const bun = await findBun();
const skip = await skipWithout("the binary", { Bun: () => Promise.resolve(bun?.join(" ")) });

/** Builds it as the task does. */
async function build(dir: TemporaryDirectory): Promise<string> {
  const { tasks } = JSON.parse(await readFile(`${ROOT}deno.json`, "utf8"));
  const [, flags = ""] = /^npx --yes bun@1 (build .*) --outfile bytehaul$/.exec(tasks.binary.command) ?? [];
  assert.notEqual(flags, "", "the task is of another form");
  const [program = "", ...first] = bun ?? [];
  const path = dir.join(process.platform === "win32" ? "bytehaul.exe" : "bytehaul");
  const args = [...first, ...flags.split(" "), "--outfile", path];
  await run(program, args, { cwd: ROOT, shell: process.platform === "win32" });
  return path;
}

/** What a server could have a directory hold that is saved into, and what Bun makes of it in any program. */
const OBEYED = {
  "bunfig.toml": 'preload = ["./preload.ts"]\n',
  "preload.ts": 'console.log("the code of a stranger");\n',
  ".env": "https_proxy=http://127.0.0.1:1\nhttp_proxy=http://127.0.0.1:1\n",
  "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./preload.ts"] } } }\n',
  "package.json": '{ "name": "x", "imports": { "#x": "./preload.ts" } }\n',
};

test(
  "120 the binary obeys nothing that is in the working directory",
  { skip, timeout: 120_000 },
  async () => {
    await using dir = await temporaryDirectory();
    const binary = await build(dir);
    await using server = await FaultServer.start({ size: 1000, seed: SEED });
    for (const [name, text] of Object.entries(OBEYED)) await writeFile(dir.join(name), text);
    await using child = new Child(binary, ["-o", "out.bin", server.url], { isProgram: true, cwd: dir.path });
    const { status, stdout, stderr } = await child.ended;
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /stranger/);
    await assertFileIs(dir.join("out.bin"), SEED, 1000);
  },
);

test("the binary downloads, checks, resumes and says how it ended", { skip, timeout: 120_000 }, async () => {
  await using dir = await temporaryDirectory();
  const binary = await build(dir);
  let reply: Reply = { throttle: 4 * 2 ** 20 }; // so that there is time for all connections
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: ({ path }) => path.includes("missing") ? { status: 404 } : reply,
  });
  const start = (args: readonly string[]) => new Child(binary, args, { isProgram: true, cwd: dir.path });
  const end = async (...args: string[]): Promise<ChildEnd> => {
    await using child = start(args);
    return await child.ended;
  };

  assert.deepEqual(await end("--version"), { status: 0, stdout: `bytehaul ${VERSION}\n`, stderr: "" });

  const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
  const whole = await end("-v", ...IN_PARTS, "--checksum", checksum, "-o", "whole.bin", server.url);
  assert.equal(whole.status, 0, whole.stderr);
  assert.match(whole.stderr, /sha256 matches/);
  assert.doesNotMatch(whole.stderr, /main thread/);
  await assertFileIs(dir.join("whole.bin"), SEED, SIZE);
  assert.equal(server.maxOpenConnections, 4);
  assert.equal((await end("verify", "--checksum", checksum, "whole.bin")).status, 0);

  const wrong = await end("--checksum", `sha256:${"0".repeat(64)}`, "-o", "wrong.bin", server.url);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /sha256/);
  assert.equal((await end(new URL("/missing", server.url).href)).status, 1);
  assert.equal((await end("--no-such-flag")).status, 2);

  reply = { throttle: 2 ** 20 };
  const args = [...IN_PARTS, "--save-interval", "0.05", "-o", "killed.bin", server.url];
  {
    const before = server.bytesServed;
    await using killed = start(args);
    await server.until(() => server.bytesServed - before >= SIZE / 2);
    killed.signal("SIGKILL");
    await killed.ended;
  }
  reply = {};
  const before = server.bytesServed;
  assert.equal((await end(...args)).status, 0);
  assert.ok(server.bytesServed - before < SIZE, "all of it was fetched again");
  await assertFileIs(dir.join("killed.bin"), SEED, SIZE);
});
