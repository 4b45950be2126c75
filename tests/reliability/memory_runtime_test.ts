import assert from "node:assert/strict";
import { test } from "node:test";
import { contentHash } from "../../testing/content.ts";
import { isSame } from "./claims.ts";
import { MemoryFiles } from "./memory_files.ts";
import { type Call, type Ending, type Fate, runDownload } from "./memory_runtime.ts";
import { bytesOf, MemoryServer, type MemoryServerOptions } from "./memory_server.ts";

const VERSION = { seed: 1, size: 2_000_000 };
const PATH = "/disk/out.bin";

interface Scene {
  readonly files: MemoryFiles;
  readonly server: MemoryServer;
  readonly ending: Ending;
}

async function downloaded(
  decide?: (call: Call) => Fate,
  options: Partial<MemoryServerOptions> = {},
): Promise<Scene> {
  const files = new MemoryFiles("/", "/disk");
  const server = new MemoryServer({ ...VERSION, ...options });
  const spec = {
    outputPath: PATH,
    minSplitSize: 0,
    minSegmentSize: 65_536,
    checksum: `sha256:${contentHash(VERSION.seed, VERSION.size, "sha256")}`,
  };
  const ending = await runDownload({ files, server, seed: 1, spec, ...(decide && { decide }) });
  return { files, server, ending };
}

/** Lets the nth call of a name fail. */
function failing(name: string, nth: number, code: string): (call: Call) => Fate {
  let calls = 0;
  return (call) => call.name === name && ++calls === nth ? { fail: code } : undefined;
}

test("a download in memory is exact, over several connections, with a thread, and leaves nothing open", async () => {
  const { files, server, ending } = await downloaded();
  assert.equal(ending.kind, "done");
  assert.deepEqual(ending.leaks, []);
  assert.deepEqual(files.list(), [PATH]);
  assert.ok(isSame(files.peek(PATH), bytesOf(VERSION)));
  assert.equal(server.bytesServed, VERSION.size);
  const names = new Set(ending.calls.map(({ name }) => name));
  for (const name of ["fetch", "body", "thread", "hash", "lock", "create", "write", "sync", "link"]) {
    assert.ok(names.has(name), `there was no ${name}`);
  }
});

test("the same options give the same calls at the same times", async () => {
  const [one, other] = [await downloaded(), await downloaded()];
  assert.deepEqual(one.ending.calls, other.ending.calls);
  assert.equal(one.ending.elapsedMs, other.ending.elapsedMs);
});

test("a server without ranges is fetched in one go", async () => {
  const { files, ending } = await downloaded(undefined, { acceptsRanges: false });
  assert.equal(ending.calls.filter(({ name }) => name === "fetch").length, 1);
  assert.ok(isSame(files.peek(PATH), bytesOf(VERSION)));
});

for (
  const [name, code] of [["fetch", "hang"], ["fetch", "503"], ["body", "cut"], ["body", "silent"], [
    "body",
    "ECONNRESET",
  ]] as const
) {
  test(`a ${name} that fails with ${code} is tried again, while time passes`, async () => {
    const { files, ending } = await downloaded(failing(name, 2, code));
    assert.equal(ending.kind, "done");
    assert.deepEqual(ending.leaks, []);
    assert.ok(isSame(files.peek(PATH), bytesOf(VERSION)));
  });
}

test("of a response of another version the checksum decides", async () => {
  const { files, ending } = await downloaded(failing("fetch", 2, "changed"));
  assert.equal(ending.kind, "done");
  assert.ok(isSame(files.peek(PATH), bytesOf(VERSION)));
});

test("a thread that fails is done without", async () => {
  const { ending } = await downloaded(failing("hash", 2, "thread failed"));
  assert.equal(ending.kind, "done");
  assert.deepEqual(ending.leaks, []);
});

test("a stopped machine makes no further call", async () => {
  const { files, ending } = await downloaded(({ number }) => number === 40 ? "stop" : undefined);
  assert.equal(ending.kind, "stopped");
  assert.equal(ending.calls.length, 40);
  assert.ok(files.list().includes(`${PATH}.part`));
});

test("what is left open is told", async () => {
  const files = new MemoryFiles("/", "/disk");
  files.put("/disk/other", Uint8Array.of(1));
  await files.open("/disk/other", "read");
  const server = new MemoryServer(VERSION);
  const ending = await runDownload({ files, server, seed: 1, spec: { outputPath: PATH } });
  assert.deepEqual(ending.leaks, ["1 files open"]);
});
