import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type FaultServerOptions, type Reply } from "../../testing/mod.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SIZE = 200_000;
const SEED = 41;
const OWN = "the user's own words";

/** A server, a directory and a downloader whose files go there. */
class Names implements AsyncDisposable {
  readonly server: FaultServer;
  readonly directory: TemporaryDirectory;
  readonly #downloader: Downloader;

  private constructor(server: FaultServer, directory: TemporaryDirectory) {
    this.server = server;
    this.directory = directory;
    this.#downloader = new Downloader({ defaults: { outputDir: directory.path, retryBaseDelayMs: 1 } });
  }

  static async open(respond?: FaultServerOptions["respond"]): Promise<Names> {
    const server = await FaultServer.start({ size: SIZE, seed: SEED, ...respond && { respond } });
    return new Names(server, await temporaryDirectory());
  }

  download(path = "/file.bin", spec: Partial<DownloadSpec> = {}): DownloadHandle {
    return this.#downloader.download({ url: new URL(path, this.server.url), ...spec });
  }

  /** Downloads, and checks that the file is right and the only one called so. */
  async makes(name: string, path?: string, spec?: Partial<DownloadSpec>): Promise<void> {
    const handle = this.download(path, spec);
    const result = await handle.wait();
    const made = this.directory.join(name);
    assert.deepEqual([result.path, handle.snapshot.path], [made, made]);
    await assertFileIs(made, SEED, SIZE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#downloader.close();
    await this.directory[Symbol.asyncDispose]();
    await this.server.stop();
  }
}

function named(field: string): Reply {
  return { headers: { "Content-Disposition": field } };
}

for (
  const [path, name] of [
    ["/file.bin", "file.bin"],
    ["/a/b/data.tar.gz?version=2&name=other.zip", "data.tar.gz"],
    ["/two%20words.txt", "two words.txt"],
    ["/%E6%96%87%E4%BB%B6.bin", "文件.bin"],
    ["/..%2F..%2Fpasswd", "passwd"],
    ["/", "download"],
    ["/directory/", "download"],
    ["/%2E%2E%2F", "download"],
  ] as const
) {
  test(`the URL's path ${path} makes ${name}`, async () => {
    await using names = await Names.open();
    await names.makes(name, path);
    assert.deepEqual(await names.directory.list(), [name]);
  });
}

for (
  const [field, name] of [
    ["attachment; filename=report.pdf", "report.pdf"],
    ['inline; filename="two words.txt"', "two words.txt"],
    ["attachment; filename=plain.txt; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ['attachment; filename="/etc/passwd"', "passwd"],
    ['attachment; filename=".bashrc"', "bashrc"],
    ['attachment; filename=".."', "file.bin"],
    ["attachment", "file.bin"],
    ["", "file.bin"],
  ] as const
) {
  test(`Content-Disposition: ${field} makes ${name}`, async () => {
    await using names = await Names.open(() => named(field));
    await names.makes(name);
    assert.deepEqual(await names.directory.list(), [name]);
    assert.equal(names.server.requests.length, 1);
  });
}

test("outputPath names the file, whatever the server and the URL say", async () => {
  await using names = await Names.open(() => named("attachment; filename=theirs.bin"));
  await names.makes("mine.bin", "/url.bin", { outputPath: "mine.bin" });
  await names.makes("absolute.bin", "/url.bin", {
    outputPath: names.directory.join("absolute.bin"),
    outputDir: names.directory.join("elsewhere"),
  });
  assert.deepEqual(await names.directory.list(), ["absolute.bin", "mine.bin"]);
});

test("directories are made: outputDir, and those in outputPath", async () => {
  await using names = await Names.open();
  await names.makes(join("a", "b", "file.bin"), "/file.bin", { outputDir: names.directory.join("a", "b") });
  await names.makes(join("c", "d", "mine.bin"), "/file.bin", { outputPath: join("c", "d", "mine.bin") });
});

for (const outputPath of ["directory", "directory/", "missing/"]) {
  test(`outputPath ${outputPath} is a directory: refused before anything is asked`, async () => {
    await using names = await Names.open();
    await mkdir(names.directory.join("directory"));
    await assert.rejects(names.download("/file.bin", { outputPath, overwrite: true }).wait(), TypeError);
    assert.deepEqual([names.server.requests.length, await names.directory.list()], [0, ["directory"]]);
  });
}

const TAKEN = [
  ["outputPath", { outputPath: "taken.bin" }, undefined],
  ["the URL", {}, undefined],
  ["Content-Disposition", {}, named("attachment; filename=taken.bin")],
] as const;

for (const [source, spec, reply] of TAKEN) {
  const path = reply === undefined ? "/taken.bin" : "/file.bin";

  test(`a name from ${source} that is taken: the file there stays`, async () => {
    await using names = await Names.open(() => reply);
    await writeFile(names.directory.join("taken.bin"), OWN);
    const handle = names.download(path, spec);
    await assert.rejects(handle.wait(), { code: "output_exists" });
    assert.equal(handle.snapshot.state, "failed");
    assert.equal(await readFile(names.directory.join("taken.bin"), "utf8"), OWN);
    assert.deepEqual(await names.directory.list(), ["taken.bin"]);
    assert.equal(names.server.requests.length, source === "outputPath" ? 0 : 1);
  });

  test(`a name from ${source} that is taken, and overwriting asked for: replaced once all is there`, async () => {
    let isBroken = true;
    await using names = await Names.open(() => ({ ...reply, ...isBroken && { bodyLength: 1000 } }));
    const taken = names.directory.join("taken.bin");
    await writeFile(taken, OWN);
    const overwriting = { ...spec, overwrite: true };
    await assert.rejects(names.download(path, { ...overwriting, maxRetries: 0 }).wait(), { code: "network" });
    assert.equal(await readFile(taken, "utf8"), OWN);
    isBroken = false;
    await names.makes("taken.bin", path, overwriting);
    assert.deepEqual(await names.directory.list(), ["taken.bin"]);
  });
}

test("a name that is taken while the download runs: the file there stays, and nothing is lost", async () => {
  await using names = await Names.open(({ index }) => index === 0 ? { silentAfter: 100_000 } : undefined);
  const handle = names.download("/taken.bin", { readTimeoutMs: 250 });
  await until(() => handle.snapshot.downloaded === 100_000);
  await writeFile(names.directory.join("taken.bin"), OWN);
  await assert.rejects(handle.wait(), { code: "output_exists" });
  assert.equal(await readFile(names.directory.join("taken.bin"), "utf8"), OWN);
  const asked = names.server.requests.length;
  await names.makes("taken.bin", "/taken.bin", { overwrite: true });
  assert.equal(names.server.requests.length, asked);
});

for (const suffix of [".part", ".bytehaul"]) {
  test(`a file of somebody else's at our ${suffix} is not overwritten`, async () => {
    await using names = await Names.open();
    const theirs = names.directory.join(`file.bin${suffix}`);
    await writeFile(theirs, OWN);
    const failed = await names.download().wait().then(
      () => false,
      () => true,
    );
    const kept = await readFile(theirs, "utf8").catch(() => readFile(`${theirs}.bad`, "utf8"));
    assert.equal(kept, OWN);
    assert.equal(failed, suffix === ".part");
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) does not choose the name`, async () => {
    await using names = await Names.open(({ path }) =>
      path === "/asked.bin" ? { status, headers: { Location: "/b/elsewhere.exe" } } : undefined
    );
    await names.makes("asked.bin", "/asked.bin");
    assert.deepEqual(await names.directory.list(), ["asked.bin"]);
    assert.deepEqual(names.server.requests.map(({ path }) => path), ["/asked.bin", "/b/elsewhere.exe"]);
  });
}

test("a redirect to another origin does not choose the name either", async () => {
  await using other = await FaultServer.start({ size: SIZE, seed: SEED });
  await using names = await Names.open(() => ({
    status: 302,
    headers: { Location: new URL("/elsewhere.exe", other.url).href },
  }));
  await names.makes("asked.bin", "/asked.bin");
  assert.deepEqual(await names.directory.list(), ["asked.bin"]);
});

test("Content-Disposition counts where the file is, not where the redirect is", async () => {
  await using names = await Names.open(({ path }) =>
    path === "/asked.bin"
      ? {
        status: 302,
        headers: { "Location": "/there", "Content-Disposition": "attachment; filename=no.bin" },
      }
      : named("attachment; filename=yes.bin")
  );
  await names.makes("yes.bin", "/asked.bin");
});

for (
  const [source, reply] of [["the URL", {}], ["Content-Disposition", named("filename=theirs.bin")]] as const
) {
  test(`a name from ${source}: a later run finds what was begun`, async () => {
    let isWhole = false;
    await using names = await Names.open(() => ({
      ...reply,
      ...!isWhole && { chunked: true, bodyLength: 100_000 },
    }));
    await assert.rejects(names.download("/file.bin", { maxRetries: 0 }).wait(), { code: "network" });
    const name = source === "the URL" ? "file.bin" : "theirs.bin";
    assert.deepEqual(await names.directory.list(), [`${name}.bytehaul`, `${name}.part`]);
    isWhole = true;
    const result = await names.download().wait();
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [100_000, SIZE - 100_000]);
    await assertFileIs(names.directory.join(name), SEED, SIZE);
    assert.deepEqual(await names.directory.list(), [name]);
    // What is before the missing bytes is compared; the response that tells the name reaches them.
    const start = source === "the URL" ? 100_000 - 65_536 : 0;
    assert.equal(names.server.requests.at(-1)?.range?.start, start);
  });
}
