// Names as long as a disk allows, and directories that are not there.
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { Downloader, verify } from "../../mod.ts";
import { OutputNames } from "../../src/lib/output_names.ts";
import { runBytehaul } from "../helpers/child.ts";
import { assertFileIs } from "../../testing/content.ts";
import { WITH_LINKS } from "../helpers/disk/files_and_links.ts";
import { FaultServer } from "../../testing/mod.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { download, failure, SMALL_BLOCKS } from "./disk.ts";

const SEED = 117;
const SIZE = 3_000_000;
const LONG = { skip: process.platform === "win32" && "names are counted in other units there" };

for (const length of [241, 242, 245, 247, 250, 251, 254, 255]) {
  test(`117 a name of ${length} bytes is fetched, stopped, checked and resumed`, LONG, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE, seed: SEED });
    const name = "é".repeat(10) + "n".repeat(length - 20);
    const path = dir.join(name);
    await using downloader = new Downloader();
    const spec = { url: server.url, outputPath: path, ...SMALL_BLOCKS };
    const handle = await holdAfter(1_000_000, (held) => downloader.download(held), spec);
    handle.pause();
    await assert.rejects(handle.wait(), { code: "paused" });
    await handle.closed;
    const { part, control } = new OutputNames(name);
    assert.deepEqual(await dir.list(), [part, control].sort());
    const checked = await verify(path);
    assert.ok(checked.source === "controlFile" && checked.provenBytes > 0 && checked.wrongBytes === 0);
    const { resumedBytes } = await downloader.download(spec).wait();
    assert.equal(resumedBytes, checked.provenBytes);
    await assertFileIs(path, SEED, SIZE);
    assert.deepEqual(await dir.list(), [name]);
  });
}

const DEAD: Readonly<Record<string, (dir: string) => Promise<[outputDir: string, link: string]>>> = {
  "that leads nowhere": async (dir) => {
    await symlink("nothing", `${dir}/link`);
    return [`${dir}/link`, `${dir}/link`];
  },
  "on the way to it that leads nowhere": async (dir) => {
    await symlink(`${dir}/nothing`, `${dir}/link`);
    return [`${dir}/link/a/b`, `${dir}/link`];
  },
  "that leads to itself": async (dir) => {
    await symlink("link", `${dir}/link`);
    return [`${dir}/link`, `${dir}/link`];
  },
  "that leads to one that leads nowhere": async (dir) => {
    await mkdir(`${dir}/sub`);
    await symlink("nothing", `${dir}/sub/inner`);
    await symlink("sub/inner", `${dir}/link`);
    return [`${dir}/link`, `${dir}/link`];
  },
};

for (const [what, make] of Object.entries(DEAD)) {
  test(`117 a directory that is a link ${what} is named, before the network`, WITH_LINKS, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: SIZE });
    const [outputDir, link] = await make(dir.path);
    const before = await dir.list();
    await assert.rejects(
      download({ url: server.url, outputPath: `${outputDir}/out.bin` }),
      failure("storage", /is a symbolic link that leads nowhere; choose another directory$/, `"${link}"`),
    );
    assert.equal(server.connections, 0);
    assert.deepEqual(await dir.list(), before);
  });
}

test("117 --dir that is a dangling link says what is wrong", WITH_LINKS, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  await symlink("nothing", dir.join("link"));
  const { status, stderr } = await runBytehaul(["--dir", dir.join("link"), server.url]);
  assert.equal(status, 1);
  assert.match(stderr, /link" is a symbolic link that leads nowhere; choose another directory/);
  assert.deepEqual(await dir.list(), ["link"]);
});
