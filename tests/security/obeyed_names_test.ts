// A server may not choose a name that the next program to start in that directory obeys.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import { sanitizeFileName } from "../../src/storage/file_name.ts";
import { Child } from "../helpers/child.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const OBEYED = [
  ...["bunfig.toml", "bun.lock", "bun.lockb", "package.json", "package-lock.json", "npm-shrinkwrap.json"],
  ...[
    "deno.json",
    "deno.jsonc",
    "deno.lock",
    "jsr.json",
    "import_map.json",
    "node_modules",
    "node.config.json",
  ],
  ...["tsconfig.json", "jsconfig.json", "tsconfig.base.json", "yarn.lock", "pnpm-lock.yaml"],
];
const HIDDEN = [".env", ".env.local", ".env.production", ".npmrc", ".bunfig.toml", ".node_modules"];
const DISGUISED = [
  ...[
    "BUNFIG.TOML",
    "Package.Json",
    "package.json.",
    "package.json ",
    "./package.json",
    "a/deno.json",
    "deno.json::$DATA",
  ],
  ...[
    "t\u017fconfig.json",
    "bun\ufb01g.toml",
    "\uff50ackage.json",
    "pac\u212aage.json",
    "package\u200b.json",
  ],
];

test("120 a server's name that a runtime obeys is changed", () => {
  for (const name of OBEYED) {
    assert.equal(sanitizeFileName(name), `_${name}`);
    assert.equal(sanitizeFileName(`_${name}`), `_${name}`);
  }
});

test("120 a hidden name is none any more", () => {
  for (const name of HIDDEN) assert.doesNotMatch(sanitizeFileName(name) ?? "", /^\.|^bunfig|^node_modules$/);
});

test("120 a name that some disk takes for one of those is changed as well", () => {
  for (const name of DISGUISED) assert.match(sanitizeFileName(name) ?? "", /^_/, JSON.stringify(name));
});

test("120 other names stay", () => {
  for (
    const name of ["package.tar.gz", "my-package.json", "tsconfig.txt", "env.zip", "modules", "bun-lock.zip"]
  ) {
    assert.equal(sanitizeFileName(name), name);
  }
});

test("120 a checkout on Bun that is run as README says obeys nothing in the working directory", {
  skip: !("Bun" in globalThis) && "Deno and Node read no such files by themselves",
}, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 1000 });
  await writeFile(dir.join("bunfig.toml"), 'preload = ["./preload.ts"]\n');
  await writeFile(dir.join("preload.ts"), 'console.log("the code of a stranger");\n');
  await writeFile(dir.join(".env"), "http_proxy=http://127.0.0.1:1\n");
  const cli = new URL("../../cli.ts", import.meta.url).pathname;
  const args = ["--config=/dev/null", "--no-env-file", cli, "-o", "out.bin", server.url];
  await using child = new Child(process.execPath, args, { isProgram: true, cwd: dir.path });
  const { status, stdout, stderr } = await child.ended;
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /stranger/);
});

test("120 neither Content-Disposition nor the URL gets such a name, the caller does", async () => {
  await using dir = await temporaryDirectory();
  let suggested: string | undefined = "bunfig.toml";
  await using server = await FaultServer.start({
    size: 1000,
    respond: () =>
      suggested === undefined
        ? {}
        : { headers: { "Content-Disposition": `attachment; filename="${suggested}"` } },
  });
  await using downloader = new Downloader();
  const fetched = async (path: string) => {
    const spec = { url: new URL(path, server.url).href, outputDir: dir.path, overwrite: true };
    return basename((await downloader.download(spec).wait()).path);
  };
  assert.equal(await fetched("/x"), "_bunfig.toml");
  suggested = ".env";
  assert.equal(await fetched("/x"), "env");
  suggested = undefined;
  assert.equal(await fetched("/a/package.json"), "_package.json");
  assert.equal(await fetched("/a/%6eode_modules"), "_node_modules");
  const { path } = await downloader.download({ url: server.url, outputPath: dir.join("package.json") })
    .wait();
  assert.equal(basename(path), "package.json");
  assert.deepEqual(await dir.list(), [
    "_bunfig.toml",
    "_node_modules",
    "_package.json",
    "env",
    "package.json",
  ]);
});
