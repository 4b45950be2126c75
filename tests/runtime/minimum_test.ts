// The command and the library on the oldest and the newest supported release, and on one that is too old.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { OLDEST, whyUnsupported } from "../../src/runtime/minimum.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Child, type ChildEnd } from "../helpers/child.ts";
import { type Age, findRelease, RUNTIME_NAMES, type RuntimeName } from "../helpers/releases.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const ROOT = new URL("../../", import.meta.url);
const CLI = fileURLToPath(new URL("cli.ts", ROOT));
const LIBRARY_CHILD = fileURLToPath(new URL("minimum_child.ts", import.meta.url));
const SEED = 5;
const SIZE = 100_000;
const TITLES = { deno: "Deno", bun: "Bun", node: "Node.js" } as const;

const SENTENCES: Readonly<Record<RuntimeName, RegExp>> = {
  deno: /^Cannot run on Deno \d+\.\d+\.\d+: bytehaul needs Deno \d+\.\d+\.\d+ or later; run `deno upgrade`$/,
  bun: /^Cannot run on Bun \d+\.\d+\.\d+: bytehaul needs Bun \d+\.\d+\.\d+ or later; run `bun upgrade`$/,
  node:
    /^Cannot run on Node\.js \d+\.\d+\.\d+: bytehaul needs Node\.js \d+\.\d+\.\d+ or later; install it from https:\/\/nodejs\.org$/,
};

/** Runs a script to its end on a release. */
async function runOn(
  program: string,
  name: RuntimeName,
  script: string,
  args: readonly string[],
): Promise<ChildEnd> {
  const flags = name === "deno" ? ["run", "-A", script] : [script];
  await using child = new Child(program, [...flags, ...args], { isProgram: true });
  return await child.ended;
}

/** A test for each runtime of this age, skipped where it is not installed. */
async function testOnEach(
  age: Age,
  title: string,
  body: (program: string, name: RuntimeName) => Promise<void>,
): Promise<void> {
  for (const name of RUNTIME_NAMES) {
    const program = findRelease(age, name);
    const subject = `${title}, ${age} ${TITLES[name]}`;
    const skip = await skipWithout(subject, {
      [`the ${age} release of ${TITLES[name]}`]: () => Promise.resolve(program),
    });
    test(subject, { skip, timeout: 120_000 }, () => body(program!, name));
  }
}

for (const age of ["oldest", "newest"] as const) {
  await testOnEach(age, "the command downloads", async (program, name) => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ seed: SEED, size: SIZE });
    const { status, stdout, stderr } = await runOn(program, name, CLI, [
      "-x",
      "4",
      "-d",
      dir.path,
      server.url,
    ]);
    assert.deepEqual([status, stdout], [0, ""], stderr);
    // The one line that is always there: nothing is warned of.
    assert.match(stderr, /^saved [^\n]*file\.bin \([^\n]*\)\n$/);
    await assertFileIs(dir.join("file.bin"), SEED, SIZE);
    assert.deepEqual(await dir.list(), ["file.bin"]);
  });
}

await testOnEach("below", "104 the command does not start", async (program, name) => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ seed: SEED, size: SIZE });
  for (const more of [[], ["--proxy", "http://127.0.0.1:9"], ["--version"]]) {
    const end = await runOn(program, name, CLI, [...more, "-d", dir.path, server.url]);
    assert.deepEqual([end.status, end.stdout], [2, ""], end.stderr);
    const [, sentence = ""] = /^bytehaul: ([^\n]*)\n$/.exec(end.stderr) ?? [];
    assert.match(sentence, SENTENCES[name]);
  }
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});

await testOnEach("below", "104 the library refuses every call", async (program, name) => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ seed: SEED, size: SIZE });
  const { status, stdout, stderr } = await runOn(program, name, LIBRARY_CHILD, [server.url, dir.path]);
  assert.equal(status, 0, stderr);
  const thrown: string[] = JSON.parse(stdout);
  assert.equal(thrown.length, 3);
  for (const text of thrown) assert.match(text.replace(/^Error: /, ""), SENTENCES[name]);
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});

await testOnEach("oldest", "it is the release that is named as the oldest", async (program, name) => {
  const { stdout } = await promisify(execFile)(program, ["--version"]);
  assert.equal(/\d+\.\d+\.\d+/.exec(stdout)?.[0], OLDEST[TITLES[name]]);
});

test("104 releases are compared by their numbers", () => {
  const refusal = (versions: Readonly<Record<string, string>>) => whyUnsupported(versions)?.split(":")[0];
  const cases: readonly (readonly [name: string, version: string, isSupported: boolean])[] = [
    ["deno", OLDEST.Deno, true],
    ["deno", "2.10.0", true],
    ["deno", "3.0.0", true],
    ["deno", "2.9.0+abc1234", true],
    ["deno", "1.46.3", false],
    ["bun", OLDEST.Bun, true],
    ["bun", "1.4.4-canary.20261020.1", true],
    ["bun", "1.4.3", false],
    ["bun", "0.9.9", false],
    ["node", OLDEST["Node.js"], true],
    ["node", "24.14.0", true],
    ["node", "26.0.0-nightly20260101", true],
    ["node", "24.9.2", false],
    ["node", "22.23.3", false],
  ];
  for (const [name, version, isSupported] of cases) {
    // Deno and Bun also report the release of Node.js with which they are compatible.
    const versions = { node: "24.0.0", [name]: version };
    const wanted = `Cannot run on ${TITLES[name as RuntimeName]} ${version}`;
    assert.equal(refusal(versions), isSupported ? undefined : wanted, `${name} ${version}`);
  }
});

test("README, package.json and the script that installs releases name the same oldest ones", async () => {
  const read = (path: string) => readFile(new URL(path, ROOT), "utf8");
  const wanted = { deno: OLDEST.Deno, bun: OLDEST.Bun, node: OLDEST["Node.js"] };
  const readme = await read("README.md");
  const named = RUNTIME_NAMES.map((name) => [
    name,
    new RegExp(`\\[${TITLES[name]}\\]\\(https://[\\w./]+\\) ([\\d.]+)`).exec(readme.replaceAll(/\s+/g, " "))
      ?.[1],
  ]);
  assert.deepEqual(Object.fromEntries(named), wanted);
  const { engines } = JSON.parse(await read("package.json"));
  assert.deepEqual(engines, { deno: `>=${wanted.deno}`, bun: `>=${wanted.bun}`, node: `>=${wanted.node}` });
  const [, releases = ""] = /^install oldest (.*) &$/m.exec(await read(".ci/install-runtimes")) ?? [];
  assert.deepEqual(Object.fromEntries(releases.split(" ").map((release) => release.split("@"))), wanted);
});
