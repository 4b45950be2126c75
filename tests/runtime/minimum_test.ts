import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { download, Downloader, DownloadError, verify } from "../../mod.ts";
import { createBunRuntime } from "../../src/runtime/bun/bun.ts";
import { Child } from "../helpers/child.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

interface SomeBun {
  version?: string;
  FetchSession?: unknown;
}

const CHILD = fileURLToPath(new URL("./old_bun_child.ts", import.meta.url));
const onBun = { skip: !("Bun" in globalThis) && "this is not Bun" };
const SENTENCE = /^Cannot run on Bun \d+\.\d+\.\d+: bytehaul needs Bun 1\.4 or later$/;

/** Runs with a Bun that has no sessions. */
async function withOldBun(run: () => unknown): Promise<void> {
  const host = globalThis as { Bun?: SomeBun };
  const session = host.Bun?.FetchSession;
  if (host.Bun === undefined) host.Bun = { version: "1.3.14" };
  else host.Bun.FetchSession = undefined;
  try {
    await run();
  } finally {
    if (session === undefined) delete host.Bun;
    else host.Bun.FetchSession = session;
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof DownloadError)) return false;
  assert.match(error.message, SENTENCE);
  return error.code === "network" && !error.retryable;
}

test("104 a Bun that lacks sessions is refused, and the message names the version that has them", () =>
  withOldBun(() => assert.throws(() => createBunRuntime(), isRefusal)));

test("104 the library on such a Bun: every entrance is refused, and nothing is sent", onBun, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ seed: 1, size: 1000 });
  await withOldBun(async () => {
    assert.throws(() => new Downloader({ httpProxy: "http://127.0.0.1:9" }), isRefusal);
    assert.throws(() => download({ url: server.url, outputDir: dir.path }), isRefusal);
    await assert.rejects(async () => await verify(dir.join("file.bin")), isRefusal);
  });
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});

test("104 the command on such a Bun does not start", onBun, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ seed: 1, size: 1000 });
  for (const more of [[], ["--resolve", "a.example:80:127.0.0.1"], ["--proxy", "http://127.0.0.1:9"]]) {
    await using child = new Child(CHILD, [...more, "-d", dir.path, server.url]);
    const { status, stderr } = await child.ended;
    assert.match(stderr, /^bytehaul: Cannot run on Bun [^\n]*needs Bun 1\.4 or later[^\n]*\n$/);
    assert.equal(status, 2);
  }
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});
